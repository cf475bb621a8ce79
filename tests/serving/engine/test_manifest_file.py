import hashlib
import json
from pathlib import Path

import pytest

from serving.engine import manifest_file
from serving.engine.verification import verify


@pytest.fixture
def version(tmp_path: Path) -> Path:
    directory = tmp_path / "m" / "3"
    (directory / "__pycache__").mkdir(parents=True)
    (directory / "model.bin").write_bytes(b"x" * (3 << 20))
    (directory / ".hidden").write_bytes(b"")
    return directory


def write(version: Path) -> tuple[dict[str, object], list[int]]:
    """What was written, and the pieces that were told."""
    pieces: list[int] = []
    manifest_file.write(version, "m", pieces.append)
    return json.loads((version / "manifest.json").read_text()), pieces


def test_every_file_is_listed_as_a_server_wants_it(version: Path) -> None:
    document, pieces = write(version)
    content = (version / "model.bin").read_bytes()
    assert document["files"] == {
        ".hidden": {"sha256": hashlib.sha256(b"").hexdigest(), "size": 0},
        "model.bin": {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)},
    }
    assert (document["model"], document["version"]) == ("m", 3)
    verify(version, require_manifest=True)
    assert len(pieces) > 1
    assert sum(pieces) == len(content)


def test_written_anew_it_keeps_only_what_goes_in_and_out(version: Path) -> None:
    given = {"inputs": [1], "outputs": [2], "metrics": {"accuracy": 1}, "files": {}}
    (version / "manifest.json").write_text(json.dumps(given))
    document, _ = write(version)
    assert (document["inputs"], document["outputs"]) == ([1], [2])
    assert "metrics" not in document
    assert "manifest.json" not in document["files"]  # type: ignore[operator]


@pytest.mark.parametrize("content", ["[]", "{", "7"])
def test_one_that_says_nothing_is_replaced(version: Path, content: str) -> None:
    (version / "manifest.json").write_text(content)
    write(version)
    verify(version, require_manifest=True)


def test_nothing_is_left_beside_it(version: Path) -> None:
    write(version)
    assert [path.name for path in version.parent.iterdir()] == ["3"]
    (version / "unreadable").symlink_to(version / "model.bin")
    (version / "manifest.json").unlink()
    (version / "manifest.json").mkdir()
    with pytest.raises(OSError, match="manifest"):
        write(version)
    assert [path.name for path in version.parent.iterdir()] == ["3"]
