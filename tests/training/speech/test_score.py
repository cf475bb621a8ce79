import pytest

from training.speech.score import distance, scores


@pytest.mark.parametrize(
    ("heard", "said", "errors"),
    [
        ("one two", "one two", 0),
        ("", "one two", 2),
        ("one two", "", 2),
        ("two one", "one two", 2),
        ("one three two", "one two", 1),
        ("one two four five", "one three four", 2),
        ("a b c d", "b c d e", 2),
    ],
)
def test_the_fewest_changes_are_counted(heard: str, said: str, errors: int) -> None:
    assert distance(heard.split(), said.split()) == errors


def test_words_count_and_not_texts() -> None:
    found = scores(["one", "two two two"], ["one", "two two three"])
    assert found == {"word_accuracy": 0.75, "exact": 0.5}


def test_more_faults_than_words_are_no_less_than_nothing() -> None:
    assert scores(["a b c"], ["d"]) == {"word_accuracy": 0.0, "exact": 0.0}
