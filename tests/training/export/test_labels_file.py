import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from training.export.labels_file import encode, fits

TRAINED = ("cat", "dog")


def _version(directory: Path, number: int, trained: Sequence[str] | None, own: Sequence[str] = ()) -> None:
    folder = directory / str(number)
    folder.mkdir()
    if trained is not None:
        (folder / "manifest.json").write_text(json.dumps({"labels": {"probabilities": trained}}))
    if own:
        (folder / "labels.txt").write_text(encode(own))


def _shared(directory: Path, lines: Sequence[str]) -> None:
    (directory / "labels.txt").write_text(encode(lines))


def test_without_a_file_there_is_nothing_that_does_not_fit(tmp_path: Path) -> None:
    assert fits(tmp_path, TRAINED)
    assert fits(tmp_path / "none", TRAINED)


def test_the_same_classes_fit(tmp_path: Path) -> None:
    _shared(tmp_path, TRAINED)

    assert fits(tmp_path, TRAINED)
    assert not fits(tmp_path, ("cat", "emu")), "an emu is no dog"


@pytest.mark.parametrize("lines", [["dog", "cat"], ["Katze", "Hund"], ["cat", "dog", "emu"], ["cat"], []])
def test_others_do_not_where_nobody_is_known_to_have_renamed_them(tmp_path: Path, lines: list[str]) -> None:
    _shared(tmp_path, lines)

    assert not fits(tmp_path, TRAINED)


def test_other_names_for_what_an_earlier_version_was_trained_on_fit_that_and_nothing_else(tmp_path: Path) -> None:
    _shared(tmp_path, ["Katze", "Hund"])
    _version(tmp_path, 1, TRAINED)

    assert fits(tmp_path, TRAINED)
    assert not fits(tmp_path, ("cat", "emu"))


def test_a_version_with_names_of_its_own_says_nothing_of_the_shared_ones(tmp_path: Path) -> None:
    _shared(tmp_path, ["Katze", "Hund"])
    _version(tmp_path, 9, TRAINED)
    _version(tmp_path, 10, ("cat", "emu"), own=("cat", "emu"))

    assert fits(tmp_path, TRAINED)
    assert not fits(tmp_path, ("cat", "emu"))


def test_the_newest_version_that_shares_them_counts(tmp_path: Path) -> None:
    _shared(tmp_path, ["Katze", "Emu"])
    _version(tmp_path, 9, TRAINED)
    _version(tmp_path, 10, ("cat", "emu"))

    assert not fits(tmp_path, TRAINED)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"labels": null}', '{"labels": [3]}', '{"labels": {"y": 3}}'])
def test_a_manifest_that_does_not_tell_is_no_proof(tmp_path: Path, text: str) -> None:
    _shared(tmp_path, ["Katze", "Hund"])
    _version(tmp_path, 1, None)
    (tmp_path / "1" / "manifest.json").write_text(text)

    assert not fits(tmp_path, TRAINED)
