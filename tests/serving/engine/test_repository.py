import os
from pathlib import Path

import pytest

from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import tiny_models


def test_models_are_folders_and_versions_are_numbers(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, "b")
    tiny_models.add_double(tmp_path, "a")
    (tmp_path / "README.md").touch()
    (tmp_path / ".git").mkdir()
    (tmp_path / os.fsdecode(b"b\xff")).mkdir()
    for name in ("2", "10", "03", "x", "-1", ".publishing-4", "0"):
        (tmp_path / "a" / name).mkdir()
    (tmp_path / "a" / "7").touch()
    (tmp_path / "c").symlink_to(tmp_path / "a")
    for name, target in {"nowhere": "gone", "circle": "circle", "file": "README.md/x"}.items():
        (tmp_path / name).symlink_to(tmp_path / target)
    repository = ModelRepository(tmp_path)
    assert repository.names() == ["a", "b", "c"]
    assert repository.versions("a") == [0, 1, 2, 10]


def test_a_config_is_read_as_it_stands_and_is_empty_where_there_is_none(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    repository = ModelRepository(tmp_path)
    assert (repository.config("double").backend, repository.config("double").platform) == ("onnxruntime", "")
    (tmp_path / "double" / "config.pbtxt").unlink()
    assert (repository.config("double").name, repository.config("double").backend) == ("double", "")
    assert repository.files(repository.version_directory("double", 1)) == {"model.onnx"}


@pytest.mark.parametrize("content", [b"backend: 5", b"\xff\xfe"])
def test_a_config_that_is_unreadable_is_a_reason(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.pbtxt").write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=r"config\.pbtxt"):
        ModelRepository(tmp_path).config("m")


def test_labels_are_the_lines_of_the_file(tmp_path: Path) -> None:
    tiny_models.add_brightness(tmp_path)
    repository = ModelRepository(tmp_path)
    assert repository.labels(repository.config("brightness")) == {"scores": ("dark", "bright")}


@pytest.mark.parametrize(
    ("name", "reason"),
    [("no.txt", "label_filename 'no.txt' is not there"), ("../secret.txt", "outside model directory")],
)
def test_labels_stay_in_the_models_folder(tmp_path: Path, name: str, reason: str) -> None:
    tiny_models.add_brightness(tmp_path)
    (tmp_path / "secret.txt").write_text("secret")
    repository = ModelRepository(tmp_path)
    config = repository.config("brightness")
    config.output[0].label_filename = name
    with pytest.raises(ModelLoadFailed, match=reason):
        repository.labels(config)


def test_a_fingerprint_tells_every_change_of_a_models_files(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    repository, folder = ModelRepository(tmp_path), tmp_path / "double"
    seen = [repository.fingerprint("double")]
    assert set(seen[0]) == {"config.pbtxt", "1/", "1/model.onnx"}

    def changed() -> bool:
        seen.append(repository.fingerprint("double"))
        return seen[-1] != seen[-2]

    assert not changed()
    (folder / "2").mkdir()
    assert changed()
    (folder / "2" / "model.onnx").write_bytes(b"new")
    assert changed()
    os.utime(folder / "2" / "model.onnx", ns=(1, 1))
    assert changed()
    replacement = folder / "2" / "other"
    replacement.write_bytes(b"wen")
    os.utime(replacement, ns=(1, 1))
    replacement.replace(folder / "2" / "model.onnx")  # of the same size and time
    assert changed()
    (folder / "2" / "model.onnx").unlink()
    assert changed()
    assert ModelRepository(tmp_path).fingerprint("nope") == {}


def test_what_programs_make_for_themselves_and_loops_of_links_are_no_change(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    before = ModelRepository(tmp_path).fingerprint("double")
    folder = tmp_path / "double" / "1"
    for name in ("__pycache__", ".publishing-2"):
        (folder / name).mkdir()
        (folder / name / "file").touch()
    (folder / "nowhere").symlink_to("missing")
    (folder / "loop").symlink_to(folder)
    assert ModelRepository(tmp_path).fingerprint("double") == before
