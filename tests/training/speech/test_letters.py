import pytest

from training.speech.letters import classes_of, frames_needed, labels_of, plain


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("Don\u2019t\u2014STOP!  Now.", "don't stop now"),
        ("'quoted' | \u2581piece", "quoted piece"),
        ("Stra\u00dfe 7, \u00c5rhus", "straße 7 \u00e5rhus"),
        ("\u0e01\u0e34\u0e19", "\u0e01\u0e34\u0e19"),
        ("... --- '", ""),
        ("", ""),
    ],
)
def test_only_what_can_be_heard_is_kept(text: str, heard: str) -> None:
    assert plain(text) == heard


def test_a_model_has_a_class_for_each_character_and_for_gaps() -> None:
    labels = labels_of(["two one", "one"])
    assert labels == ["<blank>", "|", "e", "n", "o", "t", "w"]
    assert classes_of("two one", labels).tolist() == [5, 6, 4, 1, 4, 3, 2]


def test_between_equal_characters_there_must_be_a_frame() -> None:
    assert (frames_needed("two"), frames_needed("three"), frames_needed("")) == (3, 6, 0)
