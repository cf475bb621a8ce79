"""Bodies and answers of /v1/images/generations, for models that make pictures of a class from noise.

Source: the types of the package openai. Rule: a seed gives the same noise everywhere: numpy's PCG64, one picture after
another, so that the first pictures of a seed do not depend on how many are asked for.
"""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from serving.core.brief import brief
from serving.core.did_you_mean import instead
from serving.core.requests import Arrays, TensorSpec
from serving.errors import BackendFailed, Unsupported
from serving.protocols import json_text, openai_fields
from serving.protocols.named_labels import named, names
from serving.protocols.openai_fields import Fields, wrong_value

LABEL, NOISE, IMAGE = "label", "noise", "image"
MAX_N = 10
MAX_SIDE = 2048
"""Pixels that a picture may be enlarged to."""

_FORMATS = ("png", "jpeg", "webp")
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_WORTH = 75  # a lossy file's quality where nothing is said, of 100
_LONGEST_PROMPT = 32_000  # characters, as OpenAI's
_INSIDE = ("negative_prompt", "guidance_scale", "num_inference_steps", "image", "mask")


@dataclass(frozen=True, slots=True)
class ImagesRequest:
    """`size` is width and height, None for the model's own; `seed` is None where any will do."""

    model: str
    prompt: str
    n: int = 1
    size: tuple[int, int] | None = None
    seed: int | None = None
    form: str = "png"
    compression: int = _WORTH
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Pictures:
    """What a model makes: `shape` is channels, height and width; at most `rows` at a time."""

    model: str
    shape: tuple[int, int, int]
    labels: tuple[str, ...]
    rows: int

    def width_and_height(self, asked: tuple[int, int] | None) -> tuple[int, int]:
        """Raises `InvalidInput` for what is no multiple of the model's own."""
        _, height, width = self.shape
        if asked is None:
            return width, height
        times = asked[0] // width
        if times < 1 or asked != (times * width, times * height) or max(asked) > MAX_SIDE:
            most = MAX_SIDE // max(width, height)
            raise wrong_value(
                "size",
                f"'size' must be \"auto\" or a multiple of {width}x{height}, which is what model '{self.model}' makes, "
                f"up to {most * width}x{most * height}; got {asked[0]}x{asked[1]}",
            )
        return asked

    def label(self, prompt: str) -> int:
        """Raises `InvalidInput` unless the prompt names one label."""
        found = named(prompt, self.labels)
        if len(found) == 1:
            return found[0]
        if found:
            several = " and ".join(repr(names(self.labels[number])[0]) for number in found[:5])
            raise wrong_value("prompt", f"'prompt' names {several}; ask for one at a time, n pictures of it")
        known = [name for label in self.labels for name in names(label)]
        close = instead(prompt, known) if len(known) > 40 else f"; it draws {', '.join(self.labels)}"
        raise wrong_value(
            "prompt", f"'prompt' must name what model '{self.model}' can draw, got {brief(prompt)}{close}"
        )


def pictures(
    model: str,
    inputs: Mapping[str, TensorSpec],
    outputs: Mapping[str, TensorSpec],
    labels: Mapping[str, tuple[str, ...]],
    max_batch_size: int,
) -> Pictures | None:
    """None for a model that makes no pictures of labels."""
    if inputs.keys() != {LABEL, NOISE} or IMAGE not in outputs or not labels.get(IMAGE):
        return None
    label, noise, image = inputs[LABEL], inputs[NOISE], outputs[IMAGE]
    if (label.datatype, label.shape) != ("INT64", (-1, 1)) or {noise.datatype, image.datatype} != {"FP32"}:
        return None
    match noise.shape:
        case (-1, 1 | 3 as channels, height, width) if height > 0 and width > 0 and image.shape == noise.shape:
            return Pictures(model, (channels, height, width), labels[IMAGE], max_batch_size or MAX_N)
    return None


def decode(body: bytes) -> ImagesRequest:
    """Raises `InvalidInput`, `Unsupported`."""
    fields = openai_fields.body(body)
    _refuse_what_is_not_done(fields)
    prompt = fields.required_text("prompt")
    if len(prompt) > _LONGEST_PROMPT:
        raise wrong_value("prompt", f"'prompt' must have at most {_LONGEST_PROMPT} characters, got {len(prompt)}")
    return ImagesRequest(
        model=fields.required_text("model"),
        prompt=prompt,
        n=fields.integer("n", 1, 1, MAX_N),
        size=_size(fields),
        seed=fields.optional_integer("seed"),
        form=_format(fields),
        compression=fields.integer("output_compression", _WORTH, 0, 100),
        priority=fields.integer("priority", 0, 0, 2**32 - 1),
    )


def noise(shape: tuple[int, int, int], n: int, seed: int) -> np.ndarray:
    """Float32 [n, *shape]; a negative `seed` is the 64 bits that stand for it."""
    return np.random.Generator(np.random.PCG64(seed % 2**64)).standard_normal((n, *shape), np.float32)


def tensors(model: Pictures, label: int, n: int, seed: int) -> list[Arrays]:
    """The inputs of one request, or of several where the model takes no more rows at a time."""
    labels, chance = np.full((n, 1), label, np.int64), noise(model.shape, n, seed)
    return [
        {LABEL: labels[first : first + model.rows], NOISE: chance[first : first + model.rows]}
        for first in range(0, n, model.rows)
    ]


def files(images: np.ndarray, asked: ImagesRequest, size: tuple[int, int]) -> list[bytes]:
    """`images` are [n, channels, height, width] in 0..255. Raises `BackendFailed` for what is no number."""
    if not np.isfinite(images).all():
        raise BackendFailed("the model answered pixels that are not finite numbers")
    pixels = np.rint(images).clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    return [_file(each, asked, size) for each in pixels]


def encode(created: int, contents: Sequence[bytes], label: str, asked: ImagesRequest, size: str, seed: int) -> bytes:
    rows = [{"b64_json": base64.b64encode(content).decode(), "revised_prompt": label} for content in contents]
    reply = {"created": created, "data": rows, "output_format": asked.form, "size": size, "seed": seed}
    return json_text.dumps(reply)


def _file(pixels: np.ndarray, asked: ImagesRequest, size: tuple[int, int]) -> bytes:
    """Enlarged by repeating pixels, so that what the model made can be read from it."""
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).resize(
        size, Image.Resampling.NEAREST
    )
    buffer = io.BytesIO()
    options: dict[str, Any] = {} if asked.form == "png" else {"quality": asked.compression}
    picture.save(buffer, asked.form.upper(), **options)
    return buffer.getvalue()


def _size(fields: Fields) -> tuple[int, int] | None:
    text = fields.text("size", "auto")
    if text == "auto":
        return None
    found = _SIZE.fullmatch(text)
    if found is None:
        raise wrong_value("size", f"'size' must be \"auto\" or width and height such as 64x64, got {brief(text)}")
    return int(found[1]), int(found[2])


def _format(fields: Fields) -> str:
    form = fields.text("output_format", "png")
    if form not in _FORMATS:
        raise Unsupported(
            f"'output_format' must be png, jpeg or webp, got {brief(form)}", "output_format", "unsupported_value"
        )
    return form


def _refuse_what_is_not_done(fields: Fields) -> None:
    """`quality`, `style`, `moderation` and `user` are taken, and have no effect that anybody could see."""
    if (form := fields.text("response_format", "b64_json")) != "b64_json":
        words = f"'response_format' must be b64_json: no file is kept that a link could lead to; got {brief(form)}"
        raise Unsupported(words, "response_format", "unsupported_value")
    if fields.flag("stream") or fields.integer("partial_images", 0, 0):
        raise Unsupported("pictures are not streamed; leave 'stream' out", "stream", "unsupported_parameter")
    if fields.text("background", "auto") == "transparent":
        raise Unsupported("'background' must be opaque or auto", "background", "unsupported_value")
    if fields.integer("frame_count", 1) != 1:
        raise Unsupported("'frame_count' must be 1", "frame_count", "unsupported_value")
    for name in _INSIDE:
        if fields.value(name) not in (None, "", [], 0):
            words = f"'{name}' can't be chosen, it is part of the model's graph or not done; leave it out"
            raise Unsupported(words, name, "unsupported_parameter")
