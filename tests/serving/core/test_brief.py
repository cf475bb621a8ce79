import pytest

from serving.core.brief import brief, what_it_has, words_of, writable


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("x", "'x'"),
        ("x" * 1000, repr("x" * 80)),
        (7, "7"),
        (-1.5, "-1.5"),
        (True, "True"),
        (None, "None"),
        (2**300, "an integer of 301 bits"),
        ([[1]] * 3, "a list of 3"),
        ({"a": 1}, "an object of 1"),
        (b"abc", "a bytes of 3"),
        (object(), "a object"),
    ],
)
def test_a_value_is_told_in_few_words(value: object, words: str) -> None:
    assert brief(value) == words


def test_halves_of_surrogate_pairs_are_no_text() -> None:
    assert writable("a\udcffb\ud800 é😀") == "a?b? é😀"


def test_a_folders_files_are_named_and_not_all_of_many() -> None:
    assert what_it_has([]) == ""
    assert what_it_has({"b", "a"}) == "; it has a, b"
    assert what_it_has("gfedcba") == "; it has a, b, c, d, e, ..."


def test_what_code_raised_is_told_without_folders() -> None:
    assert words_of(FileNotFoundError(2, "No such file", "/srv/models/w.bin")) == "No such file: w.bin"
    assert words_of(OSError(12, "Cannot allocate memory")) == "Cannot allocate memory"
    imported = ImportError("cannot import name 'x' from 'y' (/srv/y.py)", name="y", path="/srv/y.py")
    assert words_of(imported) == "cannot import name 'x' from 'y'"
    assert words_of(ValueError("a / b")) == "a / b"
