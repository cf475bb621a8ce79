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
    assert (repository.trouble("same"), repository.trouble("other")) == (where, "")
    with pytest.raises(RepositoryPollFailed, match=r"'same' is not unique across all model repositories.*/a and .*/b"):
        repository.versions("same")
    shutil.rmtree(tmp_path / "b" / "same")
    repository.names()
    assert repository.versions("same") == [1]
    assert repository.trouble("same") == ""


def test_an_unknown_name_is_said(tmp_path: Path) -> None:
    with pytest.raises(RepositoryPollFailed, match="the repository has no folder 'nope'"):
        open_repositories(tmp_path, None).versions("nope")


def test_one_that_cant_be_read_now_is_left_as_it_is_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bucket, near = MemoryBucket(), tmp_path / "near"
    bucket.put("far/1/model.onnx", b"")
    tiny_models.add_double(near, "near")
    far = RemoteRepository(bucket.store, tmp_path / "cache")
    repository = ModelRepositories([ModelRepository(near), far])
    assert repository.names() == ["far", "near"]
    assert not repository.is_watchable
    bucket.delete("far/1/model.onnx")
    near.rename(tmp_path / "away")
    for _ in range(3):
        assert repository.names() == ["far", "near"]
    assert repository.trouble("near") == f"the model repository {near} can't be read: No such file or directory"
    assert "the model repository can't be read from memory://bucket" in repository.trouble("far")
    assert repository.reachable() == {str(near): False, "memory://bucket": False}
    (tmp_path / "away").rename(near)
    bucket.put("far/1/model.onnx", b"")
    repository.names()
    assert repository.reachable() == {str(near): True, "memory://bucket": True}
    told = [record.getMessage().partition(" is ") for record in caplog.records]
    assert [(what.removeprefix("the model repository "), how[:4]) for what, _, how in told] == [
        (str(near), "left"),
        ("memory://bucket", "left"),
        (str(near), "read"),
        ("memory://bucket", "read"),
    ], "once when it begins and once when it ends"


def test_a_model_that_cant_be_read_now_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    bucket = MemoryBucket()
    bucket.put("far/1/model.onnx", b"")
    repository = ModelRepositories([RemoteRepository(bucket.store, tmp_path / "cache")])
    repository.names()
    bucket.put("far/1/evil/../model.onnx", b"")
    for _ in range(3):
        with pytest.raises(ModelLoadFailed):
            repository.fingerprint("far")
    assert "can't be a file of the model's folder" in repository.trouble("far")
    assert repository.reachable() == {"memory://bucket": True}
    bucket.delete("far/1/evil/../model.onnx")
    repository.fingerprint("far")
    assert repository.trouble("far") == ""
    assert len(caplog.records) == 2


def test_one_that_never_could_be_read_is_an_error(tmp_path: Path) -> None:
    far = RemoteRepository(MemoryBucket().store, tmp_path / "cache")
    with pytest.raises(ModelLoadFailed, match="can't be read from memory://bucket"):
        ModelRepositories([ModelRepository(tmp_path), far]).names()


def test_a_wrong_address_is_an_error() -> None:
    with pytest.raises(ModelLoadFailed, match="got 'ftp://'"):
        open_repositories(("ftp://host/models",), None)
