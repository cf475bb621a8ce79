import pytest

from serving.protocols.named_labels import named, names

DIGITS = ["zero, 0", "one, 1", "seven, 7"]


def test_names_have_commas_between_them() -> None:
    assert names("tench, Tinca tinca") == ["tench", "Tinca tinca"]
    assert names(" , x,") == ["x"]


@pytest.mark.parametrize(
    ("sentence", "labels", "found"),
    [
        ("seven", DIGITS, [2]),
        ("a handwritten Seven, please", DIGITS, [2]),
        ("the digit 7!", DIGITS, [2]),
        ("seven, 7", DIGITS, [2]),
        ("seventy 17 zeros", DIGITS, []),
        ("", DIGITS, []),
        ("zero or one", DIGITS, [0, 1]),
        ("a hot dog", ["dog", "hot dog"], [1]),
        ("a dog beside a hot dog", ["dog", "hot dog"], [0, 1]),
        ("a hot\n dog", ["cat", "hot dog"], [1]),
        ("ÄPFEL", ["äpfel"], [0]),
        ("C++", ["C", "C++"], [1]),
        ("!", ["!", "?"], [0]),
        ("what?", ["!", "?"], []),
        ("hot dog house", ["hot dog", "dog house"], [0, 1]),
        ("seven " * 5000, DIGITS, [2]),
    ],
)
def test_whole_words_name_a_label(sentence: str, labels: list[str], found: list[int]) -> None:
    assert named(sentence, labels) == found
