from pathlib import Path

import pytest

from serving.engine.remote_repository import RemoteRepository
from serving.engine.remote_store import RemoteFile
from serving.errors import ModelLoadFailed
from tests import tiny_models
from tests.memory_store import MemoryBucket


class Counted:
    """A store, and the paths that were fetched from it."""

    def __init__(self, bucket: MemoryBucket, identity_is_told: bool = True) -> None:
        self._store = bucket.store
        self._identity_is_told = identity_is_told
        self.fetched: list[str] = []

    @property
    def url(self) -> str:
        return self._store.url

    def folders(self) -> list[str]:
        return self._store.folders()

    def files(self, folder: str) -> list[RemoteFile]:
        files = self._store.files(folder)
        if self._identity_is_told:
            return files
        return [RemoteFile(file.path, file.size, "", file.location) for file in files]

    def fetch(self, file: RemoteFile, target: Path) -> None:
        self.fetched.append(file.path)
        listed = next(each for each in self._store.files(file.location.split("/")[2]) if each.path == file.path)
        self._store.fetch(listed, target)


class Holding:
    """A store whose every model has the files that it is given, which a bucket can have and a disk can't."""

    url = "s3://bucket"

    def __init__(self, *paths: str) -> None:
        self._paths = paths

    def folders(self) -> list[str]:
        return ["..", "m", "a\\b", "a\nb", ".git"]

    def files(self, _: str) -> list[RemoteFile]:
        return [RemoteFile(path, 0, "1", path) for path in self._paths]

    def fetch(self, _: RemoteFile, target: Path) -> None:
        target.touch()


def with_brightness(versions: int = 1) -> MemoryBucket:
    bucket = MemoryBucket()
    bucket.put("brightness/config.pbtxt", b'output { name: "scores" label_filename: "labels.txt" }')
    bucket.put("brightness/labels.txt", b"dark\nbright\n")
    for version in range(1, versions + 1):
        bucket.put(f"brightness/{version}/model.onnx", b"model %d" % version)
    return bucket


def test_it_reads_as_a_folder_does(tmp_path: Path) -> None:
    tiny_models.add_brightness(tmp_path / "folder")
    bucket = MemoryBucket()
    bucket.put_all(tmp_path / "folder")
    bucket.put(".git/config", b"")
    repository = RemoteRepository(bucket.store, tmp_path / "cache")
    assert repository.names() == ["brightness"]
    assert repository.versions("brightness") == [1]
    config = repository.config("brightness")
    assert config.max_batch_size == 8
    assert repository.labels(config) == {"scores": ("dark", "bright")}
    directory = repository.version_directory("brightness", 1)
    assert (directory.name, directory.parent.name) == ("1", "brightness")
    assert repository.files(directory) == {"model.onnx"}
    model = tmp_path / "folder" / "brightness" / "1" / "model.onnx"
    assert (directory / "model.onnx").read_bytes() == model.read_bytes()
    assert str(repository) == "memory://bucket"
    assert not repository.is_watchable


def test_only_what_is_asked_for_is_fetched(tmp_path: Path) -> None:
    store = Counted(with_brightness(versions=3))
    repository = RemoteRepository(store, tmp_path)
    assert repository.names() == ["brightness"]
    assert repository.versions("brightness") == [1, 2, 3]
    assert set(repository.fingerprint("brightness")) == {
        *("config.pbtxt", "labels.txt", "1/", "2/", "3/"),
        *("1/model.onnx", "2/model.onnx", "3/model.onnx"),
    }
    assert store.fetched == []
    repository.config("brightness")
    assert sorted(store.fetched) == ["config.pbtxt", "labels.txt"]
    repository.version_directory("brightness", 2)
    assert store.fetched[2:] == ["2/model.onnx"]


def test_what_was_fetched_is_not_fetched_again_by_the_next_process(tmp_path: Path) -> None:
    bucket = with_brightness()
    for expected in (3, 0):
        store = Counted(bucket)
        repository = RemoteRepository(store, tmp_path)
        repository.config("brightness")
        repository.version_directory("brightness", 1)
        assert len(store.fetched) == expected


def test_only_what_changed_is_fetched_and_the_old_files_stay(tmp_path: Path) -> None:
    bucket = with_brightness()
    store = Counted(bucket)
    repository = RemoteRepository(store, tmp_path)
    old = repository.version_directory("brightness", 1)
    before = repository.fingerprint("brightness")
    bucket.put("brightness/1/model.onnx", b"another")
    assert repository.fingerprint("brightness") != before
    store.fetched.clear()
    repository.versions("brightness")
    new = repository.version_directory("brightness", 1)
    assert store.fetched == ["1/model.onnx"]
    assert ((old / "model.onnx").read_bytes(), (new / "model.onnx").read_bytes()) == (b"model 1", b"another")


def test_a_load_reads_one_state_whatever_comes_meanwhile(tmp_path: Path) -> None:
    bucket = with_brightness()
    repository = RemoteRepository(bucket.store, tmp_path)
    repository.versions("brightness")
    bucket.put("brightness/2/model.onnx", b"new")
    with pytest.raises(ModelLoadFailed, match="memory://bucket has no version 2 of model 'brightness'"):
        repository.version_directory("brightness", 2)
    assert repository.versions("brightness") == [1, 2]
    assert repository.version_directory("brightness", 2).is_dir()


def test_where_no_identity_is_told_files_are_fetched_at_each_load(tmp_path: Path) -> None:
    bucket = with_brightness()
    store = Counted(bucket, identity_is_told=False)
    repository = RemoteRepository(store, tmp_path)
    for content in (b"model 1", b"model x"):
        bucket.put("brightness/1/model.onnx", content)
        repository.versions("brightness")
        directory = repository.version_directory("brightness", 1)
        assert (directory / "model.onnx").read_bytes() == content


def test_a_model_that_is_gone_has_no_files(tmp_path: Path) -> None:
    repository = RemoteRepository(with_brightness().store, tmp_path)
    assert repository.fingerprint("nope") == {}
    assert repository.versions("nope") == []


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("../other/1/model.onnx", r"'m/../other/1/model.onnx' can't be a file of the model's folder: it has a part"),
        ("1/../../x", "has a part '.' or '..'"),
        ("/etc/passwd", "has an empty part"),
        ("1/a\\b", "has a backslash"),
        ("1/\0", "can't be printed"),
        ("1", "'m/1' is both a file and a folder"),
    ],
)
def test_names_that_are_no_files_here_are_refused(tmp_path: Path, key: str, words: str) -> None:
    with pytest.raises(ModelLoadFailed, match=words):
        RemoteRepository(Holding(key, "1/model.onnx"), tmp_path).versions("m")


def test_folders_whose_names_lead_elsewhere_are_no_models(tmp_path: Path) -> None:
    assert RemoteRepository(Holding(), tmp_path).names() == ["m"]


@pytest.mark.parametrize("name", ["..", "a/b", "", "a\\b", "/"])
def test_no_model_is_looked_for_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelLoadFailed, match="is no model's name"):
        RemoteRepository(with_brightness().store, tmp_path).versions(name)


def test_pruning_keeps_what_is_served(tmp_path: Path) -> None:
    repository = RemoteRepository(with_brightness().store, tmp_path)
    directory = repository.version_directory("brightness", 1)
    RemoteRepository(with_brightness().store, tmp_path).prune()
    assert (directory / "model.onnx").read_bytes() == b"model 1"
