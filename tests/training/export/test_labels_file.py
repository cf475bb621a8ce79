from pathlib import Path

import pytest

from training.errors import PublishFailed
from training.export.labels_file import check, encode


@pytest.mark.parametrize("lines", [["no", "yes"], ["nein", "ja"], ["no", "surely"], ["no", "yes", "never"], ["no"]])
def test_the_same_classes_and_other_names_for_them_are_left_alone(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "labels.txt").write_text(encode(lines))
    check(tmp_path / "labels.txt", ("no", "yes"))


def test_without_a_file_there_is_nothing_to_check(tmp_path: Path) -> None:
    check(tmp_path / "labels.txt", ("no", "yes"))


@pytest.mark.parametrize("lines", [["yes", "no"], ["maybe", "no"]])
def test_a_class_under_another_s_number_is_refused(tmp_path: Path, lines: list[str]) -> None:
    (tmp_path / "labels.txt").write_text(encode(lines))

    with pytest.raises(PublishFailed, match=r"labels\.txt of the model has '\w+' in line \d, where the new version"):
        check(tmp_path / "labels.txt", ("no", "yes"))
