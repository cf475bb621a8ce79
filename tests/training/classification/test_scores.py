import math

import numpy as np
import pytest

from training.classification import scores

PROBABILITIES = np.float32([[0.9, 0.1], [0.6, 0.4], [0.3, 0.7], [0.2, 0.8]])
LABELS = np.array([0, 1, 1, 1])


def test_scores_are_those_by_hand() -> None:
    found = scores.scores(PROBABILITIES, LABELS)

    assert next(iter(found)) == "accuracy"
    assert found["accuracy"] == 0.75
    assert found["macro_f1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert found["loss"] == pytest.approx(-sum(map(math.log, (0.9, 0.4, 0.7, 0.8))) / 4)


def test_a_model_is_calibrated_that_is_as_often_right_as_it_is_sure() -> None:
    sure = np.tile(np.float32([0.75, 0.25]), (4, 1))

    assert scores.calibration_error(sure, np.array([0, 0, 0, 1])) == pytest.approx(0)
    assert scores.calibration_error(sure, np.array([1, 1, 1, 1])) == pytest.approx(0.75)


def test_confusion_is_actual_by_predicted() -> None:
    assert scores.confusion(PROBABILITIES, LABELS).tolist() == [[1, 0], [1, 2]]


def test_the_clearest_row_is_right() -> None:
    assert scores.clearest(PROBABILITIES, np.array([1, 1, 1, 1])) == 3


def test_a_table_of_many_classes_is_not_shown() -> None:
    assert len(list(scores.shown(PROBABILITIES, LABELS, ["a", "b"]))) == 1
    assert list(scores.shown(np.eye(30, dtype=np.float32), np.arange(30), list(map(str, range(30))))) == []
