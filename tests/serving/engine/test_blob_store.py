import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from serving.engine.blob_store import BlobStore, link
from serving.errors import ModelLoadFailed

SOURCE = "s3://bucket/m/1/model.onnx etag"


def writes(content: bytes) -> Callable[[Path], None]:
    def fetch(target: Path) -> None:
        target.write_bytes(content)

    return fetch


def fails(_: Path) -> None:
    raise ModelLoadFailed("gone")


def grow_old(path: Path, seconds: float) -> None:
    os.utime(path, (time.time() - seconds,) * 2)


def test_what_was_fetched_once_is_found_by_its_source(tmp_path: Path) -> None:
    blob = BlobStore(tmp_path).keep(SOURCE, writes(b"model"))
    assert blob.read_bytes() == b"model"
    assert BlobStore(tmp_path).find(SOURCE) == blob
    assert BlobStore(tmp_path).find(SOURCE + "2") is None


def test_the_same_content_lies_there_once(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    assert blobs.keep("a", writes(b"model")) == blobs.keep("b", writes(b"model"))
    assert len(list(tmp_path.glob("blobs/*/*"))) == 1


def test_a_file_without_identity_is_kept_and_not_found_again(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    assert blobs.keep("", writes(b"model")).read_bytes() == b"model"
    assert blobs.find("") is None


@pytest.mark.parametrize("damage", [b"", b"mod", b"madel"])
def test_a_damaged_blob_is_fetched_again(tmp_path: Path, damage: bytes) -> None:
    blobs = BlobStore(tmp_path)
    blob = blobs.keep(SOURCE, writes(b"model"))
    blob.chmod(0o644)
    blob.write_bytes(damage)
    assert not blobs.is_content(SOURCE, blob)
    assert blobs.find(SOURCE) is None
    assert blobs.keep(SOURCE, writes(b"model")).read_bytes() == b"model"
    assert blobs.find(SOURCE) == blob


@pytest.mark.parametrize("damage", [b"", b"../../etc/passwd", b"\xff", b"a" * 63])
def test_a_damaged_note_is_no_note(tmp_path: Path, damage: bytes) -> None:
    blobs = BlobStore(tmp_path)
    blobs.keep(SOURCE, writes(b"model"))
    next(tmp_path.glob("known/*/*")).write_bytes(damage)
    assert blobs.find(SOURCE) is None


def test_a_fetch_that_fails_leaves_nothing(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    with pytest.raises(ModelLoadFailed, match="gone"):
        blobs.keep(SOURCE, fails)
    assert blobs.find(SOURCE) is None
    assert [path for path in tmp_path.rglob("*") if path != tmp_path / "tmp"] == []


def test_a_blob_cant_be_written_through_its_link(tmp_path: Path) -> None:
    blob = BlobStore(tmp_path).keep(SOURCE, writes(b"model"))
    link(blob, tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").samefile(blob)
    assert blob.stat().st_mode & 0o222 == 0


def test_a_place_that_cant_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    words = r"the model cache .*file can't be written \(Not a directory\); choose another with --model-cache"
    with pytest.raises(ModelLoadFailed, match=words):
        BlobStore(tmp_path / "file").keep(SOURCE, writes(b"model"))


def test_pruning_takes_what_no_tree_links_to_unless_it_is_young(tmp_path: Path) -> None:
    blobs = BlobStore(tmp_path)
    used, unused, young = (blobs.keep(name, writes(name.encode())) for name in ("used", "unused", "young"))
    link(used, tmp_path / "tree")
    grow_old(used, 7200)
    grow_old(unused, 7200)
    abandoned = tmp_path / "tmp" / "abandoned"
    abandoned.mkdir()
    grow_old(abandoned, 2 * 86400)
    assert blobs.prune() == len(b"unused")
    assert (used.exists(), unused.exists(), young.exists(), abandoned.exists()) == (True, False, True, False)
