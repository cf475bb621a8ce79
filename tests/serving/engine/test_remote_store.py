from dataclasses import replace
from pathlib import Path

import pytest

from serving.engine.remote_store import identity, size
from serving.errors import ModelLoadFailed
from tests.memory_store import MemoryBucket


def test_the_first_thing_that_tells_a_change_is_the_identity() -> None:
    assert identity({"ETag": '"1"', "LastModified": 5}) == identity({"etag": "1"}) == "1"
    assert identity({"etag": "", "mtime": 5.5}) == "5.5"
    assert identity({"size": 5}) == ""
    assert (size({"size": 0}), size({"size": None}), size({})) == (0, -1, -1)


def test_what_vanished_since_it_was_listed_is_said(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    bucket.put("m/1/model.onnx", b"123")
    file = bucket.store.files("m")[0]
    bucket.delete("m/1/model.onnx")
    with pytest.raises(ModelLoadFailed, match=r"'1/model.onnx' can't be read from memory://bucket: it is not there"):
        bucket.store.fetch(file, tmp_path / "model")


def test_what_changed_since_it_was_listed_is_said(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    bucket.put("m/1/model.onnx", b"123")
    file = bucket.store.files("m")[0]
    bucket.put("m/1/model.onnx", b"321")
    with pytest.raises(ModelLoadFailed, match=r"'1/model.onnx' changed in memory://bucket while it was fetched"):
        bucket.store.fetch(file, tmp_path / "model")


def test_a_file_of_another_size_is_refused(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    bucket.put("m/1/model.onnx", b"123")
    file = replace(bucket.store.files("m")[0], size=4)
    with pytest.raises(ModelLoadFailed, match=r"'1/model.onnx' came from memory://bucket with 3 bytes instead of 4"):
        bucket.store.fetch(file, tmp_path / "model")
