import ml_dtypes
import numpy as np
import pytest

from serving.scheduling.agreement import differing_rows

SCORES = np.float32([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])


def compare(first: object, second: object, labelled: bool = False, tolerance: float = 0.1, batched: bool = True) -> int:
    return differing_rows(
        {"y": np.asarray(first)}, {"y": np.asarray(second)}, ["y"] if labelled else [], tolerance, batched
    )


def test_numbers_are_the_same_within_the_tolerance() -> None:
    assert compare([[1.0], [100.0]], [[1.15], [95.0]]) == 0
    assert compare([[1.0], [100.0]], [[1.3], [80.0]]) == 2
    assert compare([[1.0], [100.0]], [[1.15], [95.0]], tolerance=0.01) == 2


def test_a_row_counts_once_however_much_of_it_differs() -> None:
    assert compare(np.zeros((3, 4, 5)), np.ones((3, 4, 5)) * [[[0.0]], [[1.0]], [[1.0]]]) == 2


def test_where_there_are_labels_the_same_best_one_is_the_same_answer() -> None:
    other = np.float32([[0.51, 0.49], [0.45, 0.55], [0.4, 0.6]])
    assert compare(SCORES, other, labelled=True) == 1
    assert compare(SCORES, other) == 3


def test_labels_of_a_place_inside_a_row_are_compared_place_by_place() -> None:
    boxes = np.float32([[[0.9, 0.1], [0.2, 0.8]], [[0.9, 0.1], [0.2, 0.8]]])
    other = boxes.copy()
    other[1, 0] = [0.1, 0.9]
    assert compare(boxes, other, labelled=True) == 1


@pytest.mark.parametrize("labelled", [False, True])
def test_bfloat16_is_compared_as_the_number_that_it_is(labelled: bool) -> None:
    numbers = SCORES.astype(ml_dtypes.bfloat16)
    assert compare(numbers, numbers.copy(), labelled) == 0
    assert compare(numbers, numbers[:, ::-1].copy(), labelled) == 3


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (np.array([[7], [8]]), np.array([[7], [9]])),
        (np.array([[True], [False]]), np.array([[True], [True]])),
        (np.array([[b"a"], [b"b"]], np.object_), np.array([[b"a"], [b"c"]], np.object_)),
    ],
)
def test_everything_else_must_be_equal(first: np.ndarray, second: np.ndarray) -> None:
    assert compare(first, second, tolerance=1e9) == 1
    assert compare(first, first.copy()) == 0


def test_texts_with_labels_are_compared_as_texts() -> None:
    texts = np.array([[b"a", b"b"]], np.object_)
    assert compare(texts, texts[:, ::-1].copy(), labelled=True) == 1


def test_nan_and_infinity_equal_themselves_and_nothing_else() -> None:
    odd = np.float32([[np.nan], [np.inf], [-np.inf]])
    assert compare(odd, odd.copy()) == 0
    assert compare(odd, np.float32([[0], [0], [0]])) == 3


@pytest.mark.parametrize("second", [SCORES[:, :1], SCORES.astype(np.float64)])
def test_another_shape_or_datatype_is_another_answer_in_every_row(second: np.ndarray) -> None:
    assert compare(SCORES, second) == 3


def test_without_batches_the_answer_is_one_row() -> None:
    assert compare([1.0, 2.0, 3.0], [9.0, 9.0, 9.0], batched=False) == 1
    assert compare([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], batched=False) == 0
    assert compare([1.0, 2.0], [1.0, 2.0, 3.0], batched=False) == 1


def test_answers_without_elements_are_the_same() -> None:
    assert compare(np.zeros((2, 0)), np.zeros((2, 0))) == 0


def test_a_row_differs_where_any_output_does() -> None:
    first = {"y": SCORES, "n": np.array([1, 2, 3])}
    second = {"y": np.concatenate([SCORES[:1], SCORES[1:2, ::-1], SCORES[2:]]), "n": np.array([1, 2, 4])}
    assert differing_rows(first, second, ["y"], 0.1, True) == 2
    assert differing_rows(first, {**second, "y": SCORES}, ["y"], 0.1, True) == 1


def test_outputs_that_only_one_has_are_passed_over() -> None:
    assert differing_rows({"y": SCORES, "old": SCORES}, {"y": SCORES, "new": SCORES + 9}, [], 0.1, True) == 0
    assert differing_rows({"old": SCORES}, {"new": SCORES + 9}, [], 0.1, True) == 0
