import numpy as np
import pytest

from training.pictures.judge import distances, judge, whole

CHANCE = np.random.default_rng(1)
LABELS = np.arange(60) % 3
CENTRES = np.array([[[[40, 40], [200, 200]]], [[[200, 40], [200, 40]]], [[[40, 200], [200, 40]]]])


def pictures(labels: np.ndarray = LABELS) -> np.ndarray:
    return CENTRES[labels] + CHANCE.normal(0, 12, (len(labels), 1, 2, 2))


REAL = pictures()
KNOWN = np.stack([pictures(), pictures()], axis=1)


def test_real_pictures_are_recognised_various_and_new() -> None:
    found = judge(pictures(), LABELS, REAL, KNOWN)
    assert found["recognised"] == 1
    assert found["variety"] > 0.9
    assert found["novelty"] > 0.7


def test_pictures_of_another_label_are_not_recognised() -> None:
    assert judge(pictures((LABELS + 1) % 3), LABELS, REAL, KNOWN)["recognised"] == 0


def test_one_picture_for_each_label_is_not_various() -> None:
    found = judge(CENTRES[LABELS], LABELS, REAL, KNOWN)
    assert found["recognised"] == 1
    assert found["variety"] == 0


def test_copies_are_not_new() -> None:
    assert judge(KNOWN[:, 0], LABELS, REAL, KNOWN)["novelty"] == 0


def test_a_few_pictures_again_and_again_are_hardly_various() -> None:
    again = REAL[:6][np.arange(60) % 6]
    assert judge(again, LABELS, pictures(), KNOWN)["variety"] < 0.3


def test_noise_is_not_recognised() -> None:
    found = judge(CHANCE.uniform(0, 255, REAL.shape), LABELS, REAL, KNOWN)
    assert found["recognised"] < 0.6
    assert found["novelty"] == 1


def test_what_a_file_rounds_makes_no_difference() -> None:
    made = pictures()
    assert judge(made, LABELS, REAL, KNOWN) == judge(np.rint(made).astype(np.uint8), LABELS, REAL, KNOWN)


def test_distances_are_euclids() -> None:
    found = distances(whole(np.array([[0, 0], [3, 4]])), whole(np.array([[3, 4.2]])))
    assert found == pytest.approx(np.array([[5.0], [0.0]]))
