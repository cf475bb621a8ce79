import json
import logging
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from serving.engine.trace_writer import Trace, TraceWriter

TRACE = Trace(1, "simple", "2", "", (("REQUEST_START", 10), ("REQUEST_END", 30)))
ENTRIES = [
    {"id": 1, "model_name": "simple", "model_version": 2},
    {"id": 1, "timestamps": [{"name": "REQUEST_START", "ns": 10}, {"name": "REQUEST_END", "ns": 30}]},
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "trace.json"


def ids(path: Path) -> list[int]:
    return [entry["id"] for entry in json.loads(path.read_text()) if "timestamps" in entry]


def test_a_trace_is_two_entries(path: Path) -> None:
    TraceWriter(path).write(TRACE)
    assert json.loads(path.read_text()) == ENTRIES


def test_a_requests_own_id_is_kept(path: Path) -> None:
    TraceWriter(path).write(replace(TRACE, request_id='say "é"'))
    assert json.loads(path.read_text())[0]["request_id"] == 'say "é"'


def test_the_file_is_json_after_every_write(path: Path) -> None:
    writer = TraceWriter(path)
    for number in range(1, 5):
        writer.write(replace(TRACE, id=number))
        assert ids(path) == list(range(1, number + 1))


def test_an_earlier_servers_file_is_replaced(path: Path) -> None:
    path.write_text("[{}]" * 100)
    TraceWriter(path).write(TRACE)
    assert ids(path) == [1]


def test_a_file_that_was_taken_away_begins_again(path: Path) -> None:
    writer = TraceWriter(path)
    writer.write(TRACE)
    path.unlink()
    writer.write(replace(TRACE, id=2))
    assert ids(path) == [2]


def test_without_traces_there_is_no_file(path: Path) -> None:
    writer = TraceWriter(path)
    writer.flush()
    assert not path.exists()


def test_a_log_frequency_writes_numbered_files(path: Path, tmp_path: Path) -> None:
    writer = TraceWriter(path)
    for number in range(1, 6):
        writer.write(replace(TRACE, id=number), log_frequency=2)
    assert {file.name: ids(file) for file in tmp_path.iterdir()} == {"trace.json.0": [1, 2], "trace.json.1": [3, 4]}
    writer.flush()
    assert ids(tmp_path / "trace.json.2") == [5]
    writer.flush()
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_that_is_not_there_is_logged_and_fails_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = TraceWriter(tmp_path / "nowhere" / "trace.json")
    with caplog.at_level(logging.ERROR, "slipway"):
        writer.write(TRACE)
        writer.write(TRACE, log_frequency=1)
    assert caplog.text.count("No such file or directory") == 1, "it is told once"
    assert writer.lost == 2


def test_a_full_disk_leaves_the_file_valid(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    writer = TraceWriter(path)
    writer.write(TRACE)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = path.stat().st_size
    for room in (-1, 0, 1, 20):  # bytes that fit: none, or the first of what is to be written
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + room, hard))
        try:
            writer.write(replace(TRACE, id=2))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert ids(path) == [1]
    writer.write(replace(TRACE, id=3))
    assert ids(path) == [1, 3]
    assert caplog.text.count("can't write a trace") == 1
    assert caplog.text.count("traces are written again; 4 were lost") == 1
    assert writer.lost == 4


def test_a_full_disk_leaves_no_part_of_a_numbered_file(path: Path, tmp_path: Path) -> None:
    writer = TraceWriter(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (20, hard))
    try:
        writer.write(TRACE, log_frequency=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
    writer.write(TRACE, log_frequency=1)
    assert {file.name: ids(file) for file in tmp_path.iterdir()} == {"trace.json.1": [1]}
    assert writer.lost == 1
