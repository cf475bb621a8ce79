from random import Random
from typing import Any

import numpy as np
import pytest

from loadtests.asking import CannotTest
from loadtests.inputs.model import Learnt, Model
from loadtests.inputs.tensors import tensors
from loadtests.inputs.wanted import Span, Wanted
from loadtests.inputs.writing import writing
from serving.core.requests import TensorSpec


def made(*inputs: TensorSpec, wanted: Wanted | None = None, **of_model: Any) -> dict[str, np.ndarray]:
    asked = wanted or Wanted()
    model = Model("m", inputs, (), 8, **of_model)
    return dict(tensors(model, asked, writing(asked, Learnt()), Random(1)).arrays)


def test_names_in_common_use_say_what_numbers_mean() -> None:
    found = made(
        TensorSpec("input_ids", "INT64", (-1, -1)),
        TensorSpec("attention_mask", "INT64", (-1, -1)),
        TensorSpec("token_type_ids", "INT64", (-1, -1)),
        TensorSpec("audio", "FP32", (-1, -1)),
        TensorSpec("audio_length", "INT64", (-1, 1)),
        wanted=Wanted(shapes={"audio": (70,)}),
        parameters={"vocab_size": "5"},
    )
    assert set(found["input_ids"].flat) <= {1, 2, 3, 4}
    assert found["attention_mask"].all()
    assert not found["token_type_ids"].any()
    assert found["audio_length"].tolist() == [[70]]


def test_pictures_have_the_values_of_pixels() -> None:
    [picture] = made(TensorSpec("x", "FP32", (-1, 3, 32, 32))).values()
    assert picture.min() >= 0
    assert 200 < picture.max() <= 255


def test_values_are_what_was_asked_for() -> None:
    [found] = made(TensorSpec("x", "FP32", (-1, 100)), wanted=Wanted(values={"x": Span(3, 4)})).values()
    assert set(found.flat) == {3.0, 4.0}


def test_optional_inputs_are_left_out_unless_they_are_asked_for() -> None:
    specs = TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "FP32", (-1, 2))
    assert list(made(*specs, optional=frozenset("y"))) == ["x"]
    assert list(made(*specs, optional=frozenset("y"), wanted=Wanted(shapes={"y": (2,)}))) == ["x", "y"]


def test_a_model_that_writes_is_told_how_much() -> None:
    names = ("text_input", "BYTES"), ("stream", "BOOL"), ("sampling_parameters", "BYTES")
    found = made(
        *(TensorSpec(name, kind, (-1, 1)) for name, kind in names),
        optional=frozenset(("stream", "sampling_parameters")),
        wanted=Wanted(prompt_tokens=Span(6, 6), max_tokens=Span(9, 9), extra={"top_k": 1}),
        parameters={"generation.task": "text-generation"},
    )
    assert len(found["text_input"][0, 0].split()) == 6
    assert found["stream"].all()
    assert found["sampling_parameters"][0, 0] == b'{"max_tokens": 9, "top_k": 1}'


def test_a_datatype_that_nobody_knows_is_told() -> None:
    with pytest.raises(CannotTest, match="datatype FP8, which is none of BOOL"):
        made(TensorSpec("x", "FP8", (-1, 2)))
