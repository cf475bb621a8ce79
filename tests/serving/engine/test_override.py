from pathlib import Path

import pytest

from serving.engine.override import read_override, write_files
from serving.errors import RepositoryPollFailed


def test_a_config_is_json_with_numbers_as_such_or_as_text() -> None:
    override = read_override('{"max_batch_size": "16", "backend": "onnxruntime"}', {}, "m")
    assert override is not None
    assert (override.config.max_batch_size, override.config.backend, override.config.name) == (16, "onnxruntime", "m")


def test_a_load_may_bring_nothing() -> None:
    assert read_override(None, {}, "m") is None


@pytest.mark.parametrize(
    ("config", "files", "reason"),
    [
        ('"parameters": {"config": {{}}}', {}, "Invalid config override"),
        ('{"max_batch_sise": 1}', {}, "max_batch_sise"),
        ('{"name": "other"}', {}, "unexpected directory name 'm'"),
        ("[" * 100_000, {}, "Invalid config override"),
        (None, {"1/model.onnx": b""}, "'config' must be specified for model file override"),
    ],
)
def test_what_is_no_override_is_said(config: str | None, files: dict[str, bytes], reason: str) -> None:
    with pytest.raises(
        RepositoryPollFailed, match="failed to load 'm', failed to poll from model repository"
    ) as failure:
        read_override(config, files, "m")
    assert reason in str(failure.value)


def test_files_go_into_the_models_folder(tmp_path: Path) -> None:
    write_files(tmp_path, {"1/model.onnx": b"x", "labels.txt": b"a"})
    assert (tmp_path / "1" / "model.onnx").read_bytes() == b"x"
    assert (tmp_path / "labels.txt").read_bytes() == b"a"


@pytest.mark.parametrize("name", ["", ".", "/etc/passwd", "../x", "1/../../x", "a\0b", "A" * 256, "1/" + "B" * 300])
def test_and_nowhere_else(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(RepositoryPollFailed, match="file override '"):
        write_files(folder, {name: b"x"})
    assert [path.name for path in tmp_path.rglob("*")] in (["model"], ["model", "1"])
