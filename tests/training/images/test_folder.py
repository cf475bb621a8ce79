import os
from pathlib import Path

import numpy as np
import pytest

from serving.protocols.images import ImageLayout, to_pixels
from tests.picture_files import add
from training.errors import InvalidData
from training.images import folder
from training.images.found import TEST, TRAIN, VALIDATION
from training.images.options import Options


def test_a_subfolder_is_a_class_and_numbers_are_in_order(tmp_path: Path) -> None:
    for label in ("10", "9", "b", "a"):
        add(tmp_path, label, 2)
    found = folder.read(tmp_path, Options())

    assert found.labels == ("9", "10", "a", "b")
    assert found.targets.tolist() == [1, 1, 0, 0, 2, 2, 3, 3]
    assert found.given == ("",) * 8


def test_pixels_are_those_that_the_server_makes_of_the_file(tmp_path: Path) -> None:
    add(tmp_path, "square", 1, mode="RGB", side=40)
    found = folder.read(tmp_path, Options(side=12))

    shape = (3, 12, 12)
    served = to_pixels((tmp_path / "square" / "0.png").read_bytes(), ImageLayout(3, 12, 12, False, "FP32"), shape)
    assert np.array_equal(found.pixels[0], served)


def test_the_size_and_colours_are_those_that_are_there(tmp_path: Path) -> None:
    add(tmp_path, "square", 3, side=16)
    add(tmp_path, "cross", 2, side=20)
    assert folder.read(tmp_path, Options()).pixels.shape == (5, 1, 16, 16)

    add(tmp_path, "cross", 4, mode="RGB", side=100)
    assert folder.read(tmp_path, Options()).pixels.shape == (7, 3, 64, 64)
    assert folder.read(tmp_path, Options(channels=1)).pixels.shape == (7, 1, 64, 64)


def test_folders_above_the_classes_say_what_is_for_what(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("Val", 2), ("test", 1)):
        add(tmp_path / split, "square", count)
    found = folder.read(tmp_path, Options())

    assert found.labels == ("square",)
    assert [found.given.count(name) for name in (TRAIN, VALIDATION, TEST)] == [3, 2, 1]


def test_classes_may_be_called_train_and_test(tmp_path: Path) -> None:
    add(tmp_path, "train", 2)
    add(tmp_path, "test", 2)

    assert folder.read(tmp_path, Options()).labels == ("test", "train")


@pytest.mark.parametrize(("name", "told"), [(b"b\nc", "'b\\nc'"), (b"caf\xe9", "'caf\\udce9'")])
def test_a_folder_whose_name_is_no_line_is_refused(tmp_path: Path, name: bytes, told: str) -> None:
    add(tmp_path, "square", 1)
    add(tmp_path, os.fsdecode(name), 1)

    with pytest.raises(InvalidData) as refused:
        folder.read(tmp_path, Options())
    assert f"has the label {told}, which is not one line" in str(refused.value)


def test_a_file_whose_name_is_no_utf8_can_be_named(tmp_path: Path) -> None:
    add(tmp_path, "square", 1)
    (tmp_path / "square" / os.fsdecode(b"caf\xe9.png")).write_text("not a picture")

    assert folder.read(tmp_path, Options()).notes[0].startswith("unreadable: square/caf\\xe9.png: ")


def test_what_can_not_be_read_is_counted_and_named(tmp_path: Path) -> None:
    add(tmp_path, "square", 4)
    whole = (tmp_path / "square" / "0.png").read_bytes()
    (tmp_path / "square" / "cut.png").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "square" / "notes.txt").write_text("not a picture")
    (tmp_path / "square" / ".DS_Store").write_bytes(b"left behind")
    (tmp_path / "nothing").mkdir()
    found = folder.read(tmp_path, Options())

    assert (found.read, len(found.pixels), found.dropped) == (6, 4, {"unreadable": 2})
    assert found.notes[0].startswith("unreadable: square/cut.png: the image is damaged")
    assert "square/notes.txt: " in found.notes[0]
    assert found.notes[1] == "classes without pictures, left out: nothing"


def test_every_file_is_watched(tmp_path: Path) -> None:
    add(tmp_path, "square", 3)
    seen: list[str] = []

    def watched(files: list[folder.File]) -> list[folder.File]:
        seen.extend(file.path.name for file in files)
        return files

    folder.read(tmp_path, Options(), watched)
    assert seen == ["0.png", "1.png", "2.png"]


def test_no_picture_at_all_is_told_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "cats").mkdir()
    (tmp_path / "cats" / "a.png").write_bytes(b"no")

    with pytest.raises(InvalidData, match="has 1 files, and no picture that can be read; put PNG, JPEG"):
        folder.read(tmp_path, Options())
