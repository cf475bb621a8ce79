import io
import pickle

import numpy as np
import pytest

from serving.core import golden
from serving.core.datatypes import DTYPES
from serving.core.golden import DEFAULT_TOLERANCE, GoldenRows
from serving.errors import ModelLoadFailed

X = np.arange(6, dtype=np.float32).reshape(3, 2)
TEXTS = np.array([[b"a"], [b"longer"], [b""]], np.object_)


def file(**arrays: object) -> bytes:
    """As another tool would write it; `__` stands for the slash."""
    buffer = io.BytesIO()
    np.savez(buffer, **{name.replace("__", "/"): array for name, array in arrays.items()})
    return buffer.getvalue()


def answers(*outputs: float, tolerance: float = DEFAULT_TOLERANCE) -> GoldenRows:
    """Rows of two equal numbers."""
    y = np.float32(outputs).reshape(-1, 1).repeat(2, axis=1)
    return GoldenRows({"x": y}, {"y": y}, tolerance)


def test_what_is_written_is_read_again() -> None:
    read = golden.decode(golden.encode(GoldenRows({"x": X, "text": TEXTS}, {"y": X.astype(np.int64)}, 0.5)))
    assert (list(read.inputs), list(read.outputs), read.tolerance, read.rows) == (["x", "text"], ["y"], 0.5, 3)
    assert (read.inputs["x"].dtype, read.inputs["x"].tolist()) == (np.float32, X.tolist())
    assert (read.inputs["text"].dtype, read.inputs["text"].tolist()) == (np.object_, TEXTS.tolist())
    assert read.outputs["y"].dtype == np.int64


def test_a_file_without_tolerance_has_the_usual_one() -> None:
    assert golden.decode(file(input__x=X, output__y=X)).tolerance == DEFAULT_TOLERANCE


def test_the_first_rows_are_those_of_every_tensor() -> None:
    some = GoldenRows({"x": X, "text": TEXTS}, {"y": X}, 0.5).slice(0, 2)
    assert (some.rows, len(some.inputs["text"]), len(some.outputs["y"]), some.tolerance) == (2, 2, 2, 0.5)
    assert some.slice(0, 100).rows == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "golden.npz is not what serving.core.golden.encode writes"),
        (b"PK\x03\x04 cut off", "golden.npz is not what serving.core.golden.encode writes"),
        (pickle.dumps(print), "golden.npz is not what serving.core.golden.encode writes"),
        (file(input__x=np.array([None]), output__y=X), "golden.npz is not what serving.core.golden.encode writes"),
        (golden.encode(answers(1, 2))[:-40], "golden.npz is not what serving.core.golden.encode writes"),
        (file(output__y=X), "as many rows of each input/NAME as of each output/NAME"),
        (file(input__x=X, y=X), "as many rows of each input/NAME as of each output/NAME"),
        (file(input__x=X, output__y=X[:2]), "as many rows of each input/NAME"),
        (file(input__x=X[:0], output__y=X[:0]), "as many rows of each input/NAME"),
        (file(input__x=X, output__y=X, tolerance=np.array([0.1, 0.2])), "'tolerance' must be one number"),
        (file(input__x=X, output__y=X, tolerance=np.array("much")), "'tolerance' must be one number"),
    ],
)
def test_any_other_file_is_refused_with_a_reason(content: bytes, reason: str) -> None:
    with pytest.raises(ModelLoadFailed, match=reason):
        golden.decode(content)


def test_equal_answers_do_not_differ() -> None:
    rows = GoldenRows({"x": X}, {"y": X, "text": TEXTS, "class": np.array([1, 2, 3])})
    assert golden.difference(rows, {**rows.outputs, "more": X}) == ""


@pytest.mark.parametrize("factor", [1.0005, 0.9995])
def test_rounding_within_the_tolerance_is_no_difference(factor: float) -> None:
    expected = answers(1, 100, -100)
    assert golden.difference(expected, {"y": expected.outputs["y"] * np.float32(factor)}) == ""
    assert golden.difference(answers(1, tolerance=1e-5), {"y": np.full((1, 2), factor, np.float32)}) != ""


def test_infinities_and_nan_are_equal_to_themselves() -> None:
    expected = answers(np.inf, -np.inf, np.nan)
    assert golden.difference(expected, {"y": expected.outputs["y"].copy()}) == ""


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({}, "output 'y' is not there"),
        ({"y": X[:2]}, "output 'y' has shape [2,2], expected [3,2]"),
        (
            {"y": X + np.float32([[0, 0], [0, 0.25], [0.5, 0]])},
            "output 'y' differs in 2 of 3 golden rows, first in row 1 (by up to 0.5, allowed is 0.001)",
        ),
        (
            {"y": np.where(X == 5, np.float32(np.inf), X)},
            "output 'y' differs in 1 of 3 golden rows, first in row 2 (by what is no number, allowed is 0.001)",
        ),
    ],
)
def test_a_difference_is_told_with_its_place_and_size(found: dict[str, np.ndarray], words: str) -> None:
    assert golden.difference(GoldenRows({"x": X}, {"y": X}), found) == words


@pytest.mark.parametrize(
    ("expected", "found"),
    [(np.array([7, 1000000]), np.array([7, 1000001])), (TEXTS[:2], np.array([[b"a"], [b"longed"]], np.object_))],
)
def test_integers_and_texts_must_be_equal(expected: np.ndarray, found: np.ndarray) -> None:
    words = golden.difference(GoldenRows({"x": X[:2]}, {"y": expected}), {"y": found})
    assert words == "output 'y' differs in 1 of 2 golden rows, first in row 1"


def test_texts_that_end_in_zeros_and_bfloat16_come_back_as_they_were() -> None:
    texts = np.array([[b"a\0"], [b""], ["ü".encode()]], np.object_)
    numbers = np.array([[1.5], [2.0], [-3.0]], DTYPES["BF16"])
    rows = golden.decode(golden.encode(GoldenRows({"text": texts}, {"number": numbers})))
    assert rows.inputs["text"].tolist() == texts.tolist()
    assert rows.outputs["number"].dtype == DTYPES["BF16"]
    assert golden.difference(rows, {"number": numbers}) == ""
    assert "by up to 0.5" in golden.difference(
        rows, {"number": (numbers.astype(np.float32) + 0.5).astype(DTYPES["BF16"])}
    )


def test_an_answer_of_no_numbers_differs() -> None:
    rows = GoldenRows({"x": X}, {"y": X})
    assert "by what is no number" in golden.difference(rows, {"y": np.full_like(X, np.nan)})
