from dataclasses import replace
from pathlib import Path

import pytest

from training.checkpoint import Checkpoint
from training.export.manifest import Manifest, lineage
from training.export.publication import publish


@pytest.fixture
def description(cancer: Checkpoint) -> Manifest:
    return Manifest("model", 0, "now", {}, (), (), cancer.metrics, (), lineage(cancer, {}))


def test_what_was_filled_appears_whole_beside_what_is_there_already(description: Manifest, tmp_path: Path) -> None:
    def fill(staging: Path) -> Manifest:
        (staging / "file").write_text("content")
        assert not (tmp_path / "model" / "config").exists(), "nothing is written beside what may yet fail"
        return replace(description, version=7)

    first = publish(tmp_path / "model", fill, {"config": "first"})
    (tmp_path / "model" / "config").write_text("mine")

    def again(staging: Path) -> Manifest:
        return description

    assert (first / "file").read_text() == "content"
    assert '"version": 1,' in (first / "manifest.json").read_text()
    assert publish(tmp_path / "model", again, {"config": "second"}) == tmp_path / "model" / "2"
    assert (tmp_path / "model" / "config").read_text() == "mine"
    assert sorted(path.name for path in (tmp_path / "model").iterdir()) == ["1", "2", "config"]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    def fill(staging: Path) -> Manifest:
        (staging / "file").write_text("content")
        raise ValueError("no good")

    with pytest.raises(ValueError, match="no good"):
        publish(tmp_path / "model", fill, {"config": "first"})
    assert list(tmp_path.iterdir()) == []
