import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.datatypes import DTYPES
from serving.core.requests import Arrays, Parameters
from serving.scheduling.request_digest import bytes_to_read, request_digest

SECRET = b"s" * 32


def digest(inputs: Arrays, parameters: Parameters | None = None, secret: bytes = SECRET) -> bytes:
    return request_digest(inputs, parameters or {}, secret)


def text(*elements: bytes, shape: tuple[int, ...] | None = None) -> np.ndarray:
    array = np.empty(len(elements), object)
    array[:] = elements
    return array.reshape(shape or (len(elements),))


ZEROS = np.zeros(4, np.float32)
DIFFERENT: list[tuple[Arrays, Parameters]] = [
    ({}, {}),
    ({"x": ZEROS}, {}),
    ({"y": ZEROS}, {}),
    ({"x": ZEROS.reshape(1, 4)}, {}),
    ({"x": ZEROS.reshape(2, 2)}, {}),
    ({"x": ZEROS.view(np.int32)}, {}),
    ({"x": ZEROS.view(np.uint8)}, {}),
    ({"x": -ZEROS}, {}),  # -0.0 is another input, and a model may tell it from 0.0
    ({"x": ZEROS[:3]}, {}),
    ({"x": ZEROS[:0]}, {}),
    ({"x": np.float32(0).reshape(())}, {}),
    ({"x": ZEROS, "y": ZEROS}, {}),
    ({"x": ZEROS, "z": ZEROS}, {}),
    ({"x": text()}, {}),
    ({"x": text(b"")}, {}),
    ({"x": text(b"", b"")}, {}),
    ({"x": text(b"ab", b"c")}, {}),
    ({"x": text(b"a", b"bc")}, {}),
    ({"x": text(b"abc")}, {}),
    ({"x": text(b"ab", b"c", shape=(2, 1))}, {}),
    ({"x": text(b"c", b"ab")}, {}),
    ({"x": ZEROS}, {"p": 1}),
    ({"x": ZEROS}, {"p": True}),
    ({"x": ZEROS}, {"p": 1.0}),
    ({"x": ZEROS}, {"p": "1"}),
    ({"x": ZEROS}, {"q": 1}),
    ({"x": ZEROS}, {"p": 1, "q": 1}),
    ({"x": ZEROS}, {"p": "1int 1"}),
    ({"x": ZEROS}, {"p": "\ud800"}),
]


def test_what_may_have_different_answers_has_different_digests() -> None:
    for one, other in itertools.combinations(DIFFERENT, 2):
        assert digest(*one) != digest(*other), (one, other)


def test_the_order_of_inputs_and_parameters_does_not_matter() -> None:
    one, two = np.arange(3), text(b"x")
    assert digest({"a": one, "b": two}, {"p": 1, "q": 2}) == digest({"b": two, "a": one}, {"q": 2, "p": 1})


def test_where_an_array_lies_does_not_matter() -> None:
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    read_only = np.frombuffer(array.tobytes(), np.float32).reshape(3, 4)
    for same in (array, array.copy(order="F"), read_only, np.repeat(array, 2, axis=0)[::2]):
        assert digest({"x": same}) == digest({"x": array})


@pytest.mark.parametrize("datatype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_every_datatype_and_shape_has_one(datatype: str, shape: tuple[int, ...]) -> None:
    elements: Any = b"x" if datatype == "BYTES" else 1
    assert len(digest({"x": np.full(shape, elements, DTYPES[datatype])})) == 32


def test_without_the_secret_it_can_not_be_foreseen() -> None:
    assert digest({"x": ZEROS}) != digest({"x": ZEROS}, secret=b"t" * 32)


@given(st.lists(st.binary(max_size=4), max_size=4), st.lists(st.binary(max_size=4), max_size=4))
def test_texts_are_told_apart_wherever_they_are_cut(one: list[bytes], other: list[bytes]) -> None:
    assert (digest({"x": text(*one)}) == digest({"x": text(*other)})) is (one == other)


def test_how_much_there_is_to_read_is_about_right() -> None:
    assert bytes_to_read({"x": np.zeros((3, 4)), "y": np.zeros(8, np.uint8)}) == 104
    assert bytes_to_read({"x": text(b"a" * 1_000_000, b"")}) >= 1_000_000, "one long text is not small"
    many = np.full((100, 1000), b"")
    assert bytes_to_read({"x": many.astype(object)}) >= 1_000_000, "nor are many short ones"
    assert bytes_to_read({}) == 0
    assert not math.isnan(bytes_to_read({"x": np.full(1, np.nan)}))
