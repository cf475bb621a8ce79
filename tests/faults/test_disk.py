"""A disk that is full while the server writes its log, a recording, traces and its state there."""

import json
import os
import resource
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from serving.engine.state_file import StateFile
from tests import scaled_models
from tests.faults.processes import Server, served
from tests.faults.trials import Trials
from tests.running_server import until
from tests.scaled_models import NAME

REQUESTS = 100
RECORDED = "slipway_recorded_requests_total"
UNRECORDED = 'slipway_recording_dropped_requests_total{reason="disk"}'
UNTRACED = "slipway_trace_file_lost_total"


class Disk(NamedTuple):
    """`fill` leaves no byte of it to a process, until `free`."""

    folder: Path
    fill: Callable[[int], None]
    free: Callable[[int], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Of a megabyte, or, where nobody may mount one, what the system refuses one process."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True).returncode:
        yield limited_files(folder)
        return
    try:
        yield Disk(folder, lambda _: fill(folder / "ballast"), lambda _: (folder / "ballast").unlink())
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(path: Path) -> None:
    with suppress(OSError), path.open("wb", buffering=0) as file:
        while file.write(b"\0" * 64):
            pass


def limited_files(folder: Path) -> Disk:
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]

    def allow(size: int) -> Callable[[int], None]:
        return lambda pid: resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard)) and None

    return Disk(folder, allow(0), allow(hard))


def ask(server: Server, count: int = 1) -> list[int]:
    """The statuses."""
    with httpx.Client(base_url=server.url) as client:
        path, body = f"/v2/models/{NAME}/infer", scaled_models.request()
        return [client.post(path, json=body).status_code for _ in range(count)]


def count(server: Server, name: str) -> float:
    found = server.metric(name)
    assert found is not None
    return found


def promote(server: Server, version: int) -> int:
    return httpx.post(f"{server.url}/v2/models/{NAME}/versions/{version}/promote").status_code


def test_a_full_disk_costs_what_would_have_been_written(tmp_path: Path, disk: Disk, trials: Trials) -> None:
    root, place = tmp_path / "models", disk.folder
    scaled_models.add_scaled(root, 1, 2, extra="version_policy { all { } }")
    options = ("--record-file", f"{place}/asked.jsonl", "--record-rate", "1", "--state-file", f"{place}/state.json")
    traces = ("--trace-file", f"{place}/traces.json", "--trace-config", "rate=1", "--trace-config", "level=TIMESTAMPS")
    with served(root, place / "log", *options, *traces) as server:
        pid = server.process.pid
        assert ask(server) == [200]
        until(lambda: server.metric(RECORDED) == 1)
        disk.fill(pid)
        assert promote(server, 1) == 200, "what can't be remembered holds all the same"
        assert ask(server, REQUESTS) == [200] * REQUESTS
        until(lambda: count(server, RECORDED) + count(server, UNRECORDED) == REQUESTS + 1)
        recorded, unrecorded, untraced = (count(server, name) for name in (RECORDED, UNRECORDED, UNTRACED))
        assert min(unrecorded, untraced) > REQUESTS / 2, "the last page of a file may have had some room"
        disk.free(pid)
        assert ask(server) == [200]
        until(lambda: count(server, RECORDED) == recorded + 1)
        until(lambda: StateFile(place / "state.json").of(NAME).current == "1")
        assert count(server, UNTRACED) == untraced
        assert len(json.loads((place / "traces.json").read_text())) == 2 * (REQUESTS + 2 - untraced)
        assert len((place / "asked.jsonl").read_text().splitlines()) == 1 + recorded + 1, "and what it is"
        log = (place / "log").read_text()
        assert log.count(f"traces are written again; {untraced:.0f} were lost") == 1
        until(lambda: (place / "log").read_text().count("state.json is written again") == 1)
        limited_files(place).fill(pid)  # also what is left of the log's last page
        os.kill(pid, signal.SIGTERM)
        assert server.process.wait(30) == 0
    what = f"of the recording {unrecorded:.0f}, of the traces {untraced:.0f}, lines of the log; all were answered"
    trials.note("a full disk", REQUESTS, what)
