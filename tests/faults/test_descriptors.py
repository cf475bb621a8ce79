"""A server that has used up its file descriptors: whom it has it goes on with, and others are let in again later."""

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psutil
import pytest

from tests import tiny_models
from tests.faults.asking import row
from tests.faults.processes import Server, served
from tests.faults.trials import Trials
from tests.running_server import until

SPARE = 8
COMERS = 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    tiny_models.add_double(tmp_path / "models")
    with served(
        tmp_path / "models", tmp_path / "said", "--model-control-mode", "explicit", "--load-model", "*"
    ) as server:
        yield server


def test_without_descriptors_it_goes_on_with_whom_it_has(server: Server, tmp_path: Path, trials: Trials) -> None:
    process, address = psutil.Process(server.process.pid), httpx.URL(server.url)
    usual = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    tiny_models.add_double(tmp_path / "models", "later")
    with httpx.Client(base_url=server.url) as client, ExitStack() as comers:
        assert client.post("/v2/models/double/infer", json=row()).status_code == 200
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (process.num_fds() + SPARE, usual[1]))
        for _ in range(COMERS):
            comers.enter_context(socket.create_connection((address.host, address.port), timeout=30))
        until(lambda: client.post("/v2/models/double/infer", json=row()).status_code == 200)
        until(lambda: process.num_fds() >= resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] - 1)
        for _ in range(COMERS):
            assert client.post("/v2/models/double/infer", json=row()).json()["outputs"][0]["data"] == [2.0] * 4
        failed = client.post("/v2/repository/models/later/load")
        assert (failed.status_code, "can't be read: Too many open files" in failed.text) == (400, True)
        comers.close()
        until(lambda: process.num_fds() < resource.prlimit(process.pid, resource.RLIMIT_NOFILE)[0] - SPARE / 2)
        assert client.post("/v2/repository/models/later/load").status_code == 200
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, usual)
        for _ in range(COMERS):
            assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
    trials.note("no descriptor left", COMERS, f"connections beyond the limit; none of {COMERS} requests")
