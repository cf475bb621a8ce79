import numpy as np
import pytest

from serving.audio import ctc
from serving.audio.ctc import Heard
from serving.errors import BackendFailed

LETTERS = ("<blank>", "|", "a", "b")
PIECES = ("<blank>", "▁two", "▁seven", "teen", "▁")


@pytest.mark.parametrize(
    ("classes", "text"),
    [
        ([], ""),
        ([0, 0, 0], ""),
        ([2, 2, 2], "a"),
        ([2, 0, 2], "aa"),
        ([2, 3, 3, 1, 1, 2], "ab a"),
        ([0, 1, 2, 0, 1, 1, 0, 1, 3, 1, 0], "a b"),
    ],
)
def test_runs_become_letters_and_gaps_words(classes: list[int], text: str) -> None:
    assert ctc.text(np.array(classes, np.int64), LETTERS) == text


@pytest.mark.parametrize(
    ("classes", "text"),
    [([1], "two"), ([1, 1, 0, 1, 2], "two two seven"), ([2, 3, 1], "seventeen two"), ([3, 4, 3], "teen teen")],
)
def test_pieces_say_where_words_begin(classes: list[int], text: str) -> None:
    assert ctc.text(np.array(classes), PIECES) == text


def test_words_have_their_frames() -> None:
    classes = np.array([0, 2, 2, 0, 3, 1, 1, 0, 2, 0])
    assert ctc.words(classes, LETTERS) == [Heard("ab", 1, 5), Heard("a", 8, 9)]


def test_a_word_of_many_letters_is_one() -> None:
    classes = np.tile([2, 3], 50_000)
    assert ctc.words(classes, LETTERS) == [Heard("ab" * 50_000, 0, 100_000)]


@pytest.mark.parametrize("number", [4, -2])
def test_a_class_without_a_label_is_the_models_fault(number: int) -> None:
    with pytest.raises(BackendFailed, match=f"class {number}, and has labels for 4"):
        ctc.text(np.array([number]), LETTERS)
