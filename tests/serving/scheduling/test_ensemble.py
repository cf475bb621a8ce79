import numpy as np
import pytest

from serving.core.ensemble import Graph, Step
from serving.core.requests import TensorSpec
from serving.scheduling.ensemble import Progress, as_taken

DIAMOND = Graph(
    (
        Step("join", "", {"p": "left", "q": "right", "raw": "IN"}, {"y": "OUT"}),
        Step("split", "", {"x": "IN"}, {"y": "both"}),
        Step("l", "", {"x": "both"}, {"y": "left"}),
        Step("r", "", {"x": "both"}, {"y": "right"}),
    ),
    tuple(map(frozenset, ({"left", "right"}, set(), {"both"}, {"both"}))),
    {"both": (2, 3), "left": (0,), "right": (0,)},
)
X = np.ones((1, 4), np.float32)


def test_a_step_starts_when_the_last_tensor_that_it_waits_for_is_there() -> None:
    progress = Progress(DIAMOND, {"IN": X})
    assert progress.first() == [1]
    assert progress.finished(1, {"y": X}) == [2, 3]
    assert progress.finished(3, {"y": X}) == []
    assert progress.finished(2, {"y": X}) == [0]
    assert progress.finished(0, {"y": X}) == []
    assert progress.tensors.keys() == {"IN", "both", "left", "right", "OUT"}
    assert repr(progress) == "<Progress 5 tensors, 0 steps wait>"


def test_a_step_is_given_arrays_by_its_models_names_and_uncopied() -> None:
    left, right = X + 1, X + 2
    progress = Progress(DIAMOND, {"IN": X})
    progress.finished(1, {"y": X})
    progress.finished(2, {"y": left})
    progress.finished(3, {"y": right})
    specs = {name: TensorSpec(name, "FP32", (-1, 4)) for name in ("p", "q", "raw")}
    given = progress.inputs(0, specs, has_batch=True)
    assert given["p"] is left
    assert given["q"] is right
    assert given["raw"] is X


@pytest.mark.parametrize(
    ("shape", "spec", "has_batch", "taken"),
    [
        ((4,), (-1, 4), True, (1, 4)),
        ((1, 4), (4,), False, (4,)),
        ((2, 4), (4,), False, (2, 4)),
        ((3, 4), (-1, 4), True, (3, 4)),
        ((4,), (4,), False, (4,)),
        ((1, 1, 4), (-1, 4), True, (1, 1, 4)),
    ],
)
def test_one_row_is_a_batch_of_one_row(
    shape: tuple[int, ...], spec: tuple[int, ...], has_batch: bool, taken: tuple[int, ...]
) -> None:
    array = np.zeros(shape)
    found = as_taken(array, TensorSpec("x", "FP64", spec), has_batch)
    assert found.shape == taken
    assert np.shares_memory(found, array)


def test_what_a_model_does_not_know_stays_as_it_is() -> None:
    assert as_taken(X, None, True) is X
