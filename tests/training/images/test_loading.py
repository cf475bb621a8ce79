from pathlib import Path

import pytest

from tests.picture_files import add, add_mnist
from training.data import digits
from training.errors import InvalidConfig, InvalidData
from training.images.loading import load


def test_without_a_source_it_is_scikit_learns_digits() -> None:
    assert load(None, {"side": 0}).fingerprint() == digits.load().fingerprint()
    with pytest.raises(InvalidConfig, match="are for pictures that are given with --data"):
        load(None, {"side": 16})


def test_idx_files_and_folders_of_pictures_are_told_apart(tmp_path: Path) -> None:
    add_mnist(tmp_path, train=100, test=50)
    assert len(load(tmp_path, {}).test) == 50

    shapes = tmp_path / "shapes"
    add(shapes, "square", 30)
    add(shapes, "cross", 30)
    found = load(shapes, {})
    assert found.labels == ("cross", "square")
    assert found.card.source == str(shapes)


def test_what_is_no_such_folder_is_told_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="does not exist; give a folder with a subfolder of pictures for each class"):
        load(tmp_path / "none", {})
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidData, match="is a file; give a folder"):
        load(tmp_path / "file", {})
    with pytest.raises(InvalidData, match="has no pictures to learn from"):
        load(tmp_path, {})
