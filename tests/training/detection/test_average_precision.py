import numpy as np
import pytest

from serving.core.requests import Arrays
from training.detection.average_precision import average_precision, by_class

A, B = [0, 0, 10, 10], [20, 20, 40, 40]
NONE = [0, 0, 0, 0]


def truths(*pictures: list[tuple[list[float], int]]) -> Arrays:
    most = max(map(len, pictures))
    filled = [[*picture, *[(NONE, -1)] * (most - len(picture))] for picture in pictures]
    return {
        "boxes": np.float32([[box for box, _ in picture] for picture in filled]),
        "classes": np.array([[label for _, label in picture] for picture in filled]),
    }


def outputs(*pictures: list[tuple[list[float], int, float]]) -> Arrays:
    filled = [[*picture, *[(NONE, 0, 0.0)] * (4 - len(picture))] for picture in pictures]
    return {
        "boxes": np.float32([[box for box, _, _ in picture] for picture in filled]),
        "classes": np.array([[label for _, label, _ in picture] for picture in filled]),
        "scores": np.float32([[score for _, _, score in picture] for picture in filled]),
    }


def scores(found: Arrays, known: Arrays) -> tuple[float, float]:
    at_half, over_all = average_precision(found, known, 3).values()
    return at_half, over_all


def test_everything_in_its_place_is_one() -> None:
    known = truths([(A, 0), (B, 1)], [(B, 0)])
    assert scores(outputs([(A, 0, 0.9), (B, 1, 0.2)], [(B, 0, 0.4)]), known) == (1, 1)


def test_nothing_found_is_zero() -> None:
    assert scores(outputs([]), truths([(A, 0)])) == (0, 0)
    assert scores(outputs([(A, 1, 0.9)]), truths([(A, 0)])) == (0, 0)
    assert scores(outputs([(A, 1, 0.9)]), truths([])) == (0, 0)


def test_of_two_one_is_found() -> None:
    """Recalls of 0, 0.01 .. 0.5, of 101, are reached."""
    assert scores(outputs([(A, 0, 0.9)]), truths([(A, 0), (B, 0)]))[0] == pytest.approx(51 / 101)


def test_what_is_wrong_costs_where_it_is_surer() -> None:
    known = truths([(A, 0)])
    assert scores(outputs([(B, 0, 0.9), (A, 0, 0.5)]), known)[0] == pytest.approx(0.5)
    assert scores(outputs([(B, 0, 0.5), (A, 0, 0.9)]), known)[0] == pytest.approx(1)
    assert scores(outputs([(A, 0, 0.9), (A, 0, 0.8)]), known)[0] == pytest.approx(1)


def test_a_picture_of_another_is_no_place_for_it() -> None:
    assert scores(outputs([], [(A, 0, 0.9)]), truths([(A, 0)], [])) == (0, 0)


def test_overlap_counts_from_a_half_on() -> None:
    """62 of 100 pixels: enough for 0.5, 0.55 and 0.6 of the ten."""
    found = outputs([([0, 0, 6.2, 10], 0, 0.9)])
    assert scores(found, truths([(A, 0)])) == pytest.approx((1, 0.3))
    assert scores(outputs([([0, 0, 4.9, 10], 0, 0.9)]), truths([(A, 0)])) == (0, 0)


def test_it_is_the_mean_over_the_classes_that_come() -> None:
    found = outputs([(A, 0, 0.9), (A, 1, 0.9)])
    assert scores(found, truths([(A, 0), (B, 1)]))[0] == pytest.approx(0.5)


def test_neither_order_nor_what_has_no_score_matters() -> None:
    known = truths([(A, 0), (B, 1)])
    found = outputs([(B, 1, 0.4), (A, 0, 0.9)])
    found["boxes"][0, 2:] = A
    assert scores(found, known) == (1, 1)


def test_each_class_has_its_own() -> None:
    known = truths([(A, 0), (B, 1)])
    assert by_class(outputs([(A, 0, 0.9), (A, 1, 0.9)]), known, 3) == [pytest.approx(1), 0, 0]
    assert by_class(outputs([]), known, 3) == [0, 0, 0]
