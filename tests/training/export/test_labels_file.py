from pathlib import Path

import pytest

from training.export.labels_file import encode, fits


@pytest.mark.parametrize("lines", [["no", "yes"], ["nein", "ja"], ["no", "surely"]])
def test_the_same_classes_and_other_names_for_them_fit(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "labels.txt").write_text(encode(lines))

    assert fits(tmp_path / "labels.txt", ("no", "yes"))


def test_without_a_file_there_is_nothing_that_does_not_fit(tmp_path: Path) -> None:
    assert fits(tmp_path / "labels.txt", ("no", "yes"))


@pytest.mark.parametrize("lines", [["yes", "no"], ["maybe", "no"], ["no", "yes", "never"], ["no"], []])
def test_more_or_fewer_classes_and_one_in_the_place_of_another_do_not(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "labels.txt").write_text(encode(lines))

    assert not fits(tmp_path / "labels.txt", ("no", "yes"))
