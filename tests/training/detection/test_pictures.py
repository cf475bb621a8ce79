import numpy as np
import torch

from training.data.card import Card
from training.detection.pictures import NOTHING, Annotated, DetectionData, Pictures, counts, stacked


def pictures() -> Pictures:
    box = np.array([[1.0, 2, 3, 4]])
    return stacked(
        [
            Annotated(np.full((1, 8, 8), 5, np.uint8), box, np.array([2])),
            Annotated(np.full((1, 8, 8), 6, np.uint8), np.vstack([box, box + 1]), np.array([0, 2])),
            Annotated(np.full((1, 8, 8), 7, np.uint8), np.zeros((0, 4)), np.array([])),
        ],
        channels=1,
        side=8,
    )


def test_pictures_have_as_many_boxes_as_the_one_with_most() -> None:
    stack = pictures()
    assert stack.pixels[:, 0, 0, 0].tolist() == [5, 6, 7]
    assert stack.classes.tolist() == [[2, NOTHING], [0, 2], [NOTHING, NOTHING]]
    assert stack.boxes[1].tolist() == [[1, 2, 3, 4], [2, 3, 4, 5]]
    assert counts(stack, ("a", "b", "c")) == {"a": 1, "b": 0, "c": 2}


def test_none_at_all_is_a_stack_too() -> None:
    assert stacked([], channels=3, side=8).pixels.shape == (0, 3, 8, 8)
    assert counts(stacked([], 1, 8), ("a",)) == {"a": 0}


def test_some_are_picked_by_row() -> None:
    some = pictures().some(torch.tensor([2, 0]), "cpu")
    assert (len(some), some.pixels[:, 0, 0, 0].tolist()) == (2, [7, 5])
    assert some.truths()["classes"].tolist() == [[NOTHING, NOTHING], [2, NOTHING]]


def test_the_fingerprint_is_of_content_and_split() -> None:
    one, other = pictures(), pictures().some(torch.tensor([0, 1]), "cpu")

    def data(*parts: Pictures) -> DetectionData:
        return DetectionData(*parts, {}, Card("a test", 0, {}, {}))

    assert data(one, other, other).fingerprint() == data(pictures(), other, other).fingerprint()
    assert data(one, other, other).fingerprint() != data(other, one, other).fingerprint()
