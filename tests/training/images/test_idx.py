from pathlib import Path

import numpy as np
import pytest

from tests.picture_files import add_mnist, pixels, write_idx
from training.errors import InvalidData
from training.images import idx
from training.images.found import TEST, TRAIN
from training.images.options import Options

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize("zipped", [False, True])
def test_mnists_four_files_are_read(tmp_path: Path, zipped: bool) -> None:
    add_mnist(tmp_path, zipped=zipped)
    found = idx.read(tmp_path, Options())

    assert found.labels == tuple("0123456789")
    tested = [row for row, name in enumerate(found.given) if name == TEST]
    assert np.array_equal(found.pixels[tested, 0], pixels(20, seed=2))
    assert found.targets[tested].tolist() == [*range(10), *range(10)]
    assert found.given.count(TRAIN) == 60
    assert found.is_ink


def test_two_files_are_split_by_the_hash(tmp_path: Path) -> None:
    write_idx(tmp_path / "emnist-images-idx3-ubyte", pixels(4))
    write_idx(tmp_path / "emnist-labels-idx1-ubyte.gz", np.array([1, 2, 1, 26]), zipped=True)
    found = idx.read(tmp_path, Options())

    assert found.given == ("",) * 4
    assert (found.labels, found.targets.tolist()) == (("1", "2", "26"), [0, 1, 0, 2])


def test_a_file_that_is_there_gzipped_too_is_read_once(tmp_path: Path) -> None:
    add_mnist(tmp_path)
    add_mnist(tmp_path, zipped=True)

    assert idx.read(tmp_path, Options()).read == 80


def test_names_of_labels_may_be_beside(tmp_path: Path) -> None:
    add_mnist(tmp_path)
    (tmp_path / "labels.txt").write_text("\n".join([*"abcdefghij", "never"]))
    found = idx.read(tmp_path, Options())

    assert found.labels == tuple("abcdefghij")
    assert found.notes == ("classes without pictures, left out: never",)


def test_another_size_and_colours_may_be_asked_for(tmp_path: Path) -> None:
    add_mnist(tmp_path)

    assert idx.read(tmp_path, Options(side=4, channels=3)).pixels.shape == (80, 3, 4, 4)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (IMAGES, b"", "must begin with 00 00 08 03 to be such an IDX file, not $"),
        (IMAGES, b"GIF89a", "must begin with 00 00 08 03 to be such an IDX file, not 47 49 46 38"),
        (IMAGES, bytes((0, 0, 8, 3, 0, 0)), "is damaged"),
        (
            IMAGES,
            bytes((0, 0, 8, 3, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 1)),
            r"damaged: it must have 729 bytes of \[9, 9, 9\]",
        ),
        (IMAGES, b"\x1f\x8bno", "is damaged: "),
        (LABELS, bytes((0, 0, 8, 1, 0, 0, 0, 1, 5)), "has 60 pictures, but train-labels-idx1-ubyte 1 labels"),
        ("labels.txt", b"a\nb", "has 2 names, but there is a label 9"),
    ],
)
def test_damaged_files_are_told_in_a_line(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    add_mnist(tmp_path)
    (tmp_path / name).write_bytes(content)

    with pytest.raises(InvalidData, match=message) as raised:
        idx.read(tmp_path, Options())
    assert name in str(raised.value)


def test_pictures_without_labels_and_of_several_sizes_are_told(tmp_path: Path) -> None:
    add_mnist(tmp_path)
    write_idx(tmp_path / "t10k-images-idx3-ubyte", pixels(20, side=7))
    with pytest.raises(InvalidData, match=r"pictures of several sizes, \[\(6, 6\), \(7, 7\)\]"):
        idx.read(tmp_path, Options())
    (tmp_path / LABELS).unlink()
    with pytest.raises(InvalidData, match=f"has no labels: put {LABELS} beside it"):
        idx.read(tmp_path, Options())
