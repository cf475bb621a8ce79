import numpy as np
import pytest

from loadtests.asking import CannotTest
from loadtests.inputs.array_rows import in_requests
from loadtests.inputs.data_file import Arrays
from loadtests.inputs.model import Model
from serving.core.requests import TensorSpec

X, Y = TensorSpec("x", "FP32", (-1, 2)), TensorSpec("y", "BYTES", (-1, 1))
MODEL = Model("m", (X, Y), (), 8, frozenset("y"))
ALONE = Model("m", (TensorSpec("x", "FP32", (2,)),))
PLAIN = Model("m", (X,))


def test_rows_are_cut_in_order() -> None:
    given = Arrays("f", {"x": np.arange(10).reshape(5, 2), "y": np.array(["a", "b", "c", "d", "e"])})
    found = list(in_requests(given, MODEL, 2))
    assert [part.rows for part in found] == [2, 2, 1]
    assert found[1].arrays["x"].tolist() == [[4, 5], [6, 7]]
    assert found[1].arrays["x"].dtype == np.float32
    assert found[2].arrays["y"].tolist() == [[b"e"]]


@pytest.mark.parametrize(("model", "shape"), [(ALONE, (2,)), (PLAIN, (1, 2)), (MODEL, (1, 2))])
def test_examples_have_the_shape_that_the_model_takes(model: Model, shape: tuple[int, ...]) -> None:
    found = list(in_requests(Arrays("f", {"x": np.ones((3, 2), np.float32)}), model, 1))
    assert [part.arrays["x"].shape for part in found] == [shape] * 3
    [one] = in_requests(Arrays("f", {"x": np.ones(2)}), model, 1)
    assert one.arrays["x"].shape == shape


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.ones((3, 4))}, r"'x' has shape \[3,4\], and examples of the model's input have \[2\]"),
        ({"z": np.ones((3, 2))}, "has an array 'z'; the inputs of model 'm' are x, y"),
        ({"y": np.array(["a"])}, "has no array 'x'"),
        ({"": np.ones((3, 2))}, r"give a \.npz with an array by each name"),
        ({"x": np.array([["a", "b"]])}, "'x' holds <U1, and the model's input is FP32"),
        ({"x": np.ones((3, 2)), "y": np.array(["a"])}, r"as many examples in each array, got \{'x': 3, 'y': 1\}"),
        ({"x": np.ones((0, 2))}, "there are no examples"),
    ],
)
def test_what_does_not_fit_is_told(arrays: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(CannotTest, match=words):
        list(in_requests(Arrays("f", arrays), MODEL, 1))
