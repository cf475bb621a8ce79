import io
import json
import wave
from random import Random
from typing import Any

import pytest
from PIL import Image

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs import people_calls
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.wanted import Wanted
from serving.core import columns
from serving.core.requests import TensorSpec


def made(protocol: str, *inputs: TensorSpec, learnt: Learnt | None = None, **wanted: Any) -> Call:
    model = Model("m", inputs, (), 8, parameters={"audio.sample_rate": "8000"})
    return people_calls.made_up(protocol, model, Wanted(**wanted), learnt or Learnt(), Random(0))


@pytest.mark.parametrize(("shape", "mode"), [((-1, 3, 20, 30), "RGB"), ((-1, 20, 30, 1), "L")])
def test_pictures_are_as_large_as_the_models_input(shape: tuple[int, ...], mode: str) -> None:
    picture = Image.open(io.BytesIO(made("classify", TensorSpec("x", "FP32", shape)).body))
    assert (picture.format, picture.size, picture.mode) == ("PNG", (30, 20), mode)


def test_recordings_have_the_models_rate() -> None:
    for shapes, frames in (({}, 16000), ({"audio": (800,)}, 800)):
        with wave.open(io.BytesIO(made("transcribe", shapes=shapes).body)) as sound:
            assert (sound.getframerate(), sound.getnframes()) == (8000, frames)


def test_rows_have_a_tables_columns() -> None:
    table = Learnt((columns.number("age"), columns.category("colour", ["red", "blue"])))
    call = made("classify", TensorSpec("x", "FP32", (-1, 2)), learnt=table, rows=8, extra={"parameters": {"top_k": 1}})
    body = json.loads(call.body)
    assert {row["colour"] for row in body["inputs"]} == {"red", "blue"}
    assert all(0 <= row["age"] <= 100 for row in body["inputs"])
    assert (call.rows, body["parameters"]) == (8, {"top_k": 1})


def test_histories_are_of_items_that_there_are() -> None:
    items = Learnt(items=tuple("abcdefgh"))
    assert set(json.loads(made("recommend", learnt=items).body)["inputs"]) < set("abcdefgh")


@pytest.mark.parametrize(
    ("protocol", "inputs", "wanted", "words"),
    [
        ("detect", (TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "FP32", (-1, 2))), {}, "has 2 inputs"),
        ("classify", (TensorSpec("x", "BYTES", (-1, 1)),), {}, "use --data FILE"),
        ("classify", (TensorSpec("x", "FP32", (-1, 2)),), {"rows": 9}, "up to 8"),
    ],
)
def test_what_can_not_be_made_up_is_told(
    protocol: str, inputs: tuple[TensorSpec, ...], wanted: dict[str, Any], words: str
) -> None:
    with pytest.raises(CannotTest, match=words):
        made(protocol, *inputs, **wanted)
