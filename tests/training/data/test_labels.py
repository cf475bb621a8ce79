import pytest

from training.data.labels import check
from training.errors import InvalidData


def test_words_signs_and_scripts_are_labels() -> None:
    check(["red", "a b", "caf\u00e9", "\u732b", "\U0001f469\u200d\U0001f52c", "no\u00a0break", ""], "here")


@pytest.mark.parametrize("label", ["a\nb", "a\x85b", "a\u2028b", "a\x1b[31m", "caf\udce9"])
def test_what_is_no_line_is_named(label: str) -> None:
    with pytest.raises(InvalidData) as refused:
        check(["red", label], "x.csv")
    assert str(refused.value).startswith(f"x.csv has the label {label!r}, which is not one line of text in UTF-8; ")
    assert str(refused.value).isprintable()
