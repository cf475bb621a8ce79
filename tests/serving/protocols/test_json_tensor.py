from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from serving.core.datatypes import DTYPES
from serving.errors import InvalidInput
from serving.protocols import json_tensor, json_text

IN_JSON = sorted(set(DTYPES) - {"FP16", "BF16", "BYTES"})


@given(st.data(), st.sampled_from(IN_JSON))
def test_tensors_survive_json(data: st.DataObject, datatype: str) -> None:
    array = data.draw(arrays.arrays(DTYPES[datatype], arrays.array_shapes(min_side=0)))
    text = json_text.dumps(json_tensor.encode("y", array))
    decoded = json_tensor.decode("x", datatype, array.shape, json_text.loads(text))
    assert decoded.dtype == array.dtype
    np.testing.assert_array_equal(decoded, array)


@given(st.lists(st.text(), max_size=5))
def test_texts_survive_json(words: list[str]) -> None:
    try:
        [word.encode() for word in words]
    except UnicodeEncodeError:
        return  # half of a surrogate pair is no text
    decoded = json_tensor.decode("x", "BYTES", (len(words),), words)
    assert json_tensor.encode("y", decoded) == words


def test_nesting_is_flattened_and_the_shape_decides() -> None:
    decoded = json_tensor.decode("x", "INT32", (3, 2), [[[1, 2, 3]], [[4, 5, 6]]])
    assert decoded.tolist() == [[1, 2], [3, 4], [5, 6]]


@pytest.mark.parametrize(
    ("datatype", "data", "reason"),
    [
        ("INT32", [1], r"\[2\] takes 2 elements, got 1"),
        ("INT32", [1, 2, 3], "takes 2 elements, got at least 3"),
        ("INT32", [[]] * 1000, "takes 2 elements, got at least 1000"),
        ("INT32", [[1] * 9, [2]], "takes 2 elements, got at least 10"),
        ("INT32", {"0": 1}, "expected a list, got an object"),
        ("INT32", None, "expected a list, got null"),
        ("INT32", "12", "expected a list, got a string"),
        ("INT32", [1, 2.5], "INT32 takes an integer, got a number"),
        ("INT32", [1, True], "INT32 takes an integer, got a boolean"),
        ("INT32", [1, "2"], "INT32 takes an integer, got a string"),
        ("INT32", [1, None], "INT32 takes an integer, got null"),
        ("INT32", [[1], 2], "lists and elements are mixed"),
        ("UINT8", [1, 256], "UINT8 takes integers from 0 to 255"),
        ("UINT64", [0, -1], "UINT64 takes integers from 0 to 18446744073709551615"),
        ("INT64", [0, 2**63], "INT64 takes integers from -9223372036854775808"),
        ("FP32", [1, "2"], "FP32 takes a number, got a string"),
        ("FP32", [1, False], "FP32 takes a number, got a boolean"),
        ("BOOL", [0, 1], "BOOL takes true or false, got an integer"),
        ("BYTES", ["a", 1], "BYTES takes a string, got an integer"),
    ],
)
def test_elements_that_do_not_fit_are_refused_by_what_they_are(datatype: str, data: Any, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        json_tensor.decode("x", datatype, (2,), data)


def test_half_floats_need_the_binary_format() -> None:
    with pytest.raises(InvalidInput, match="FP16 data via JSON is not supported"):
        json_tensor.decode("x", "FP16", (1,), [1.0])
    with pytest.raises(InvalidInput, match="binary_data"):
        json_tensor.encode("y", np.float16([1]))


def test_bytes_that_are_no_text_need_the_binary_format() -> None:
    with pytest.raises(InvalidInput, match="not UTF-8"):
        json_tensor.encode("y", np.array([b"\xff"], object))


def test_numbers_too_large_for_a_float_become_infinite() -> None:
    assert json_tensor.decode("x", "FP32", (1,), [1e300]).tolist() == [np.inf]
