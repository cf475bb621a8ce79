import pytest

from loadtests.asking import CannotTest
from loadtests.inputs.model import Model
from loadtests.inputs.shapes import OPEN, rows_of, shapes
from loadtests.inputs.wanted import Wanted
from serving.core.requests import TensorSpec

BATCHED = Model("m", (TensorSpec("x", "FP32", (-1, 3, -1)),), (), 8)
PLAIN = Model("m", (TensorSpec("x", "FP32", (-1, 4)),))
ALONE = Model("m", (TensorSpec("x", "FP32", (3, -1)),))


@pytest.mark.parametrize(
    ("model", "wanted", "shape", "rows"),
    [
        (BATCHED, Wanted(), (1, 3, OPEN), 1),
        (BATCHED, Wanted(rows=2, shapes={"x": (3, 7)}), (2, 3, 7), 2),
        (BATCHED, Wanted(shapes={"x": (5, 3, 7)}), (5, 3, 7), 5),
        (PLAIN, Wanted(rows=3), (3, 4), 3),
        (ALONE, Wanted(), (3, OPEN), 1),
        (ALONE, Wanted(shapes={"x": (3, 9)}), (3, 9), 1),
    ],
)
def test_open_dimensions_are_filled(model: Model, wanted: Wanted, shape: tuple[int, ...], rows: int) -> None:
    assert shapes(model, wanted) == {"x": shape}
    assert rows_of(model, shape) == rows


@pytest.mark.parametrize(
    ("model", "wanted", "words"),
    [
        (BATCHED, Wanted(shapes={"x": (4, 7)}), r"--shape x:4,7 does not fit input x FP32 \[3,-1\], without the batch"),
        (BATCHED, Wanted(shapes={"y": (3, 7)}), "no input 'y'; its inputs are x FP32"),
        (BATCHED, Wanted(rows=9), "takes up to 8 in a request"),
        (ALONE, Wanted(rows=2), "takes up to one, since it has no max_batch_size"),
    ],
)
def test_what_does_not_fit_is_told(model: Model, wanted: Wanted, words: str) -> None:
    with pytest.raises(CannotTest, match=words):
        shapes(model, wanted)
