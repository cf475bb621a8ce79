import socket
from functools import partial
from pathlib import Path

import pytest

from serving.core.remote_address import Driver, RemoteAddress, parse
from serving.engine.object_store import open_objects
from serving.errors import ModelLoadFailed
from tests.memory_store import MemoryBucket


def test_folders_are_models_and_what_lies_below_is_listed(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    bucket.put("README.md", b"")
    bucket.put("m/config.pbtxt", b"12")
    bucket.put("m/1/model.onnx", b"123")
    bucket.put("mm/1/model.onnx", b"1234")
    assert sorted(bucket.store.folders()) == ["m", "mm"]
    assert [(file.path, file.size) for file in bucket.store.files("m")] == [("1/model.onnx", 3), ("config.pbtxt", 2)]
    assert bucket.store.files("nope") == []


def test_a_file_is_fetched_as_it_was_listed(tmp_path: Path) -> None:
    bucket = MemoryBucket()
    bucket.put("m/1/model.onnx", b"123")
    bucket.store.fetch(bucket.store.files("m")[0], tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == b"123"


def test_a_repository_that_is_not_there_is_said() -> None:
    with pytest.raises(ModelLoadFailed, match="the model repository can't be read from memory://bucket"):
        MemoryBucket().store.folders()


def test_a_bucket_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "name")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        store = open_objects(parse(f"s3://127.0.0.1:{silent.getsockname()[1]}/bucket"), patience=0.1)
        for listing in (store.folders, partial(store.files, "m")):
            with pytest.raises(ModelLoadFailed, match="no answer in time"):
                listing()


def test_a_driver_that_is_not_installed_is_said() -> None:
    address = RemoteAddress("s3://bucket", "s3", "bucket", Driver("no_such_driver", "s3", ""))
    words = r"s3://bucket needs the package no_such_driver, .*: pip install 'slipway-serving\[s3\]'"
    with pytest.raises(ModelLoadFailed, match=words):
        open_objects(address)


@pytest.mark.parametrize(("url", "package", "extra"), [("gs://b", "gcsfs", "gcs"), ("az://b", "adlfs", "azure")])
def test_each_scheme_has_its_package_and_extra(url: str, package: str, extra: str) -> None:
    assert (parse(url).driver.package, parse(url).driver.extra) == (package, extra)
