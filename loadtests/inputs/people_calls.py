"""Requests to the routes for people: pictures, texts, numbers or rows of a table to classify, pictures to detect in,
recordings to transcribe, histories to recommend by.

Rule: one example is sent as a person would send it, several as a list.
"""

import base64
import io
import json
import wave
from collections.abc import Sequence
from random import Random
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs import words
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.shapes import OPEN, check_rows
from loadtests.inputs.tensor_calls import JSON
from loadtests.inputs.wanted import Span, Wanted
from serving.core.columns import Column
from serving.core.requests import TensorSpec, format_shape
from serving.protocols.images import ImageLayout, layout_of
from serving.protocols.people_routes import CLASSIFY, DETECT, RECOMMEND, TRANSCRIBE

PEOPLES = (CLASSIFY, DETECT, TRANSCRIBE, RECOMMEND)

_SECONDS = 2  # of a recording
_RATE = 16000
_WORDS = Span(8, 8)
_HISTORY = 5  # items


def made_up(protocol: str, model: Model, wanted: Wanted, learnt: Learnt, random: Random) -> Call:
    """Raises `CannotTest`."""
    if not model.reads_texts:
        check_rows(model, wanted.rows)
    if protocol == RECOMMEND:
        return from_inputs(protocol, model, _several(wanted, lambda: _history(learnt, random)), wanted)
    if protocol == TRANSCRIBE:
        return from_files(protocol, model, [_recording(model, wanted, random) for _ in range(wanted.rows)])
    if model.reads_texts and protocol == CLASSIFY:
        length = wanted.prompt_tokens or _WORDS
        return from_inputs(protocol, model, _several(wanted, lambda: words.text(length.drawn(random), random)), wanted)
    if learnt.columns:
        return from_inputs(protocol, model, _several(wanted, lambda: _row(learnt.columns, random)), wanted)
    spec = _only_input(protocol, model)
    layout = layout_of(spec, model.max_batch_size)
    if layout is not None:
        return from_files(protocol, model, [_picture(layout, random) for _ in range(wanted.rows)])
    return from_inputs(protocol, model, _several(wanted, lambda: _numbers(model, spec, random)), wanted)


def from_files(protocol: str, model: Model, files: Sequence[bytes]) -> Call:
    """One as the body itself."""
    if len(files) == 1:
        return Call(_path(protocol, model), files[0], headers=(("Content-Type", "application/octet-stream"),))
    document = {"inputs": [base64.b64encode(file).decode() for file in files]}
    return Call(_path(protocol, model), json.dumps(document).encode(), headers=JSON, rows=len(files))


def from_inputs(protocol: str, model: Model, inputs: Any, wanted: Wanted, rows: int | None = None) -> Call:
    return from_body(protocol, model, {"inputs": inputs, **wanted.extra}, wanted.rows if rows is None else rows)


def from_body(protocol: str, model: Model, document: Any, rows: int = 1) -> Call:
    return Call(_path(protocol, model), json.dumps(document).encode(), headers=JSON, rows=rows)


def _path(protocol: str, model: Model) -> str:
    return f"/v1/models/{quote(model.name, safe='')}/{protocol}"


def _several(wanted: Wanted, one: Any) -> Any:
    return one() if wanted.rows == 1 else [one() for _ in range(wanted.rows)]


def _only_input(protocol: str, model: Model) -> TensorSpec:
    if len(model.inputs) != 1:
        raise CannotTest(
            f"--protocol {protocol}: model '{model.name}' has {len(model.inputs)} inputs, and that route is for models "
            "with one; leave --protocol out"
        )
    return model.inputs[0]


def _numbers(model: Model, spec: TensorSpec, random: Random) -> list[float]:
    shape = model.own_shape(spec)
    if not spec.datatype.startswith(("FP", "INT", "UINT")) or -1 in shape:
        raise CannotTest(
            f"no example is made up for input {spec.name} {spec.datatype} {format_shape(shape)}: use --data FILE, or "
            "leave --protocol out"
        )
    count = int(np.prod(shape))
    if spec.datatype.startswith("FP"):
        return [round(random.random(), 4) for _ in range(count)]
    return [random.randrange(10) for _ in range(count)]


def _row(columns: Sequence[Column], random: Random) -> dict[str, Any]:
    return {
        column.name: random.choice(list(column.values)) if column.values else round(random.uniform(0, 100), 2)
        for column in columns
    }


def _history(learnt: Learnt, random: Random) -> list[str]:
    return random.sample(learnt.items, min(_HISTORY, len(learnt.items) // 2))


def _picture(layout: ImageLayout, random: Random) -> bytes:
    """Patches of colour, which packed are about as large as drawings are."""
    width, height = layout.size
    small = (max(1, height // 4), max(1, width // 4), layout.channels)
    noise = np.frombuffer(random.randbytes(int(np.prod(small))), np.uint8).reshape(small)
    picture = Image.fromarray(noise if layout.channels == 3 else noise[:, :, 0])
    file = io.BytesIO()
    picture.resize((width, height)).save(file, "PNG")
    return file.getvalue()


def _recording(model: Model, wanted: Wanted, random: Random) -> bytes:
    """Noise, as many samples as asked for by the shape of the input."""
    rate = int(model.parameters.get("audio.sample_rate") or _RATE)
    samples = wanted.shapes.get("audio", (rate * _SECONDS,))[-1]
    noise = np.random.default_rng(random.getrandbits(32)).normal(0, 3000, max(samples, OPEN)).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(rate)
        sound.writeframes(noise.tobytes())
    return file.getvalue()
