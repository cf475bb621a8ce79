import shutil
from pathlib import Path

import pytest

from serving.engine.remote_repository import RemoteRepository
from serving.engine.repositories import ModelRepositories, open_repositories
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed, RepositoryPollFailed
from tests import tiny_models
from tests.memory_store import MemoryBucket


def test_several_are_one(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path / "a", "one")
    tiny_models.add_brightness(tmp_path / "b", "two")
    repository = open_repositories((tmp_path / "a", f"file://{tmp_path / 'b'}"), None)
    assert repository.names() == ["one", "two"]
    assert repository.versions("two") == [1]
    assert repository.config("one").backend == "onnxruntime"
    assert repository.labels(repository.config("two")) == {"scores": ("dark", "bright")}
    assert repository.version_directory("two", 1) == tmp_path / "b" / "two" / "1"
    assert repository.files(repository.version_directory("two", 1)) == {"model.onnx"}
    assert set(repository.fingerprint("one")) == {"config.pbtxt", "1/", "1/model.onnx"}
    assert str(repository) == f"{tmp_path / 'a'}, {tmp_path / 'b'}"
    assert repository.is_watchable


def test_a_name_in_two_of_them_is_in_none(tmp_path: Path) -> None:
    for root in ("a", "b"):
        tiny_models.add_double(tmp_path / root, "same")
    tiny_models.add_double(tmp_path / "a", "other")
    repository = open_repositories((tmp_path / "a", tmp_path / "b"), None)
    assert repository.names() == ["other", "same"]
    where = f"model appears in two or more repositories: {tmp_path / 'a'} and {tmp_path / 'b'}"
    assert (repository.conflict("same"), repository.conflict("other")) == (where, "")
    with pytest.raises(RepositoryPollFailed, match=r"'same' is not unique across all model repositories.*/a and .*/b"):
        repository.versions("same")
    shutil.rmtree(tmp_path / "b" / "same")
    repository.names()
    assert repository.versions("same") == [1]


def test_an_unknown_name_is_said(tmp_path: Path) -> None:
    with pytest.raises(RepositoryPollFailed, match="the repository has no folder 'nope'"):
        open_repositories(tmp_path, None).versions("nope")


def test_one_that_cant_be_read_now_is_taken_as_it_was(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bucket = MemoryBucket()
    bucket.put("far/1/model.onnx", b"")
    tiny_models.add_double(tmp_path / "near", "near")
    far = RemoteRepository(bucket.store, tmp_path / "cache")
    repository = ModelRepositories([ModelRepository(tmp_path / "near"), far])
    assert repository.names() == ["far", "near"]
    assert not repository.is_watchable
    bucket.delete("far/1/model.onnx")
    shutil.rmtree(tmp_path / "near")
    assert repository.names() == ["far", "near"]
    assert "the model repository memory://bucket is taken as it was" in caplog.text


def test_one_that_never_could_be_read_is_an_error(tmp_path: Path) -> None:
    far = RemoteRepository(MemoryBucket().store, tmp_path / "cache")
    with pytest.raises(ModelLoadFailed, match="can't be read from memory://bucket"):
        ModelRepositories([ModelRepository(tmp_path), far]).names()


def test_a_wrong_address_is_an_error() -> None:
    with pytest.raises(ModelLoadFailed, match="got 'ftp://'"):
        open_repositories(("ftp://host/models",), None)
