import hashlib
import json
import os
from pathlib import Path

import pytest

from serving.engine.verification import verify
from serving.errors import ModelLoadFailed

CONTENTS = {"model.onnx": b"a graph", "empty.bin": b""}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_manifest(directory: Path, **files: str) -> None:
    documented = {name: {"sha256": found} for name, found in files.items()}
    (directory / "manifest.json").write_text(json.dumps({"files": documented}))


@pytest.fixture
def version(tmp_path: Path) -> Path:
    """A version's folder with the manifest that belongs to it."""
    directory = tmp_path / "7"
    directory.mkdir()
    for name, content in CONTENTS.items():
        (directory / name).write_bytes(content)
    write_manifest(directory, **{name: sha256(content) for name, content in CONTENTS.items()})
    return directory


@pytest.mark.parametrize("require_manifest", [False, True])
def test_what_was_published_passes(version: Path, require_manifest: bool) -> None:
    verify(version, require_manifest)


def test_a_version_without_manifest_is_fine_unless_one_is_required(version: Path) -> None:
    (version / "manifest.json").unlink()
    verify(version, require_manifest=False)
    with pytest.raises(ModelLoadFailed, match=r"version 7 has no manifest\.json, which --require-manifest wants"):
        verify(version, require_manifest=True)


def test_a_changed_file_is_named_with_both_hashes_and_the_way_out(version: Path) -> None:
    (version / "model.onnx").write_bytes(b"A graph")
    with pytest.raises(ModelLoadFailed) as failure:
        verify(version, require_manifest=False)
    assert str(failure.value) == (
        f"'model.onnx' is not the file that was published: its SHA-256 is {sha256(b'A graph')[:12]}..., manifest.json "
        f"says {sha256(b'a graph')[:12]}...; publish the version again, or delete manifest.json if the change is meant"
    )


def test_a_listed_file_that_is_not_there_is_named(version: Path) -> None:
    (version / "model.onnx").unlink()
    with pytest.raises(ModelLoadFailed, match=r"'model.onnx', which manifest.json lists, is not there") as failure:
        verify(version, require_manifest=False)
    assert str(version.parent) not in str(failure.value), "the server's folders are nobody's business"
    (version / "model.onnx").mkdir()
    with pytest.raises(ModelLoadFailed, match=r"'model.onnx', which manifest.json lists, is not there"):
        verify(version, require_manifest=False)


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b", "..", ".", "", "a\\b", "a\0b"])
def test_names_that_lead_out_of_the_folder_are_refused_unread(version: Path, name: str) -> None:
    (version.parent / "secret").write_bytes(b"")
    write_manifest(version, **{name: sha256(b"")})
    with pytest.raises(ModelLoadFailed, match="which is no file of the version's folder"):
        verify(version, require_manifest=False)


def test_a_name_beyond_the_systems_limits_is_a_reason(version: Path) -> None:
    write_manifest(version, **{"x" * 5000: sha256(b"")})
    with pytest.raises(ModelLoadFailed, match=r"x', which manifest\.json lists, can't be read: File name too long"):
        verify(version, require_manifest=False)


def test_a_file_that_is_not_listed_is_refused_where_a_manifest_is_required(version: Path) -> None:
    (version / "model.py").write_text("anything")
    verify(version, require_manifest=False)
    with pytest.raises(ModelLoadFailed, match=r"'model\.py' is not listed in manifest\.json; publish the version"):
        verify(version, require_manifest=True)


def test_what_systems_put_there_need_not_be_listed(version: Path) -> None:
    (version / "__pycache__").mkdir()
    verify(version, require_manifest=True)


def test_a_pipe_is_not_waited_for(version: Path) -> None:
    (version / "model.onnx").unlink()
    os.mkfifo(version / "model.onnx")
    with pytest.raises(ModelLoadFailed, match="is not there"):
        verify(version, require_manifest=False)


def test_a_manifest_that_is_broken_is_a_reason(version: Path) -> None:
    (version / "manifest.json").write_text("{")
    with pytest.raises(ModelLoadFailed, match=r"manifest\.json is no JSON"):
        verify(version, require_manifest=False)
