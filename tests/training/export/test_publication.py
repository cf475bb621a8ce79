import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from threading import Barrier

import pytest

from training.errors import ParityFailed
from training.export import manifest
from training.export.manifest import ImportLineage, Manifest
from training.export.publication import publish

DESCRIPTION = Manifest("m", 0, "2026-01-01T00:00:00Z", {}, (), (), None, (), ImportLineage("folder", "Net", {}, {}))


def fill(staging: Path) -> Manifest:
    (staging / "weights").write_bytes(b"abc")
    return replace(DESCRIPTION, files=manifest.published_files(staging))


def test_versions_count_up_past_whatever_has_their_names(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "2").write_text("a file")

    versions = [publish(tmp_path / "m", fill, {}) for _ in range(2)]

    assert [version.name for version in versions] == ["1", "3"]
    assert '"version": 3' in (versions[1] / "manifest.json").read_text()
    assert (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        in (versions[1] / "manifest.json").read_text()
    )


def test_publishers_that_end_at_once_take_different_numbers(tmp_path: Path) -> None:
    count, rounds = 8, 5
    meeting = Barrier(count)

    def together(staging: Path) -> Manifest:
        meeting.wait(30)
        return fill(staging)

    with ThreadPoolExecutor(count) as pool:
        ran = [pool.submit(publish, tmp_path / "m", together, {"labels.txt": "a"}) for _ in range(count * rounds)]
        numbers = sorted(int(each.result().name) for each in ran)

    assert numbers == list(range(1, count * rounds + 1))
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == sorted([*map(str, numbers), "labels.txt"])
    for number in numbers:
        assert json.loads((tmp_path / "m" / str(number) / "manifest.json").read_text())["version"] == number


def test_nobody_sees_a_version_that_is_not_whole(tmp_path: Path) -> None:
    def looked_at(staging: Path) -> Manifest:
        assert [path.name[0] for path in (tmp_path / "m").iterdir()] == ["."]
        return fill(staging)

    assert publish(tmp_path / "m", looked_at, {}).is_dir()


def test_what_lies_beside_the_versions_is_written_where_there_is_none(tmp_path: Path) -> None:
    publish(tmp_path / "m", fill, {"config.pbtxt": "first"})
    publish(tmp_path / "m", fill, {"config.pbtxt": "second", "labels.txt": "a"})

    assert (tmp_path / "m" / "config.pbtxt").read_text() == "first"
    assert (tmp_path / "m" / "labels.txt").read_text() == "a"


def test_what_fails_leaves_nothing(tmp_path: Path) -> None:
    def failing(staging: Path) -> Manifest:
        fill(staging)
        raise ParityFailed("wrong")

    with pytest.raises(ParityFailed):
        publish(tmp_path / "m", failing, {})

    assert list(tmp_path.iterdir()) == []
