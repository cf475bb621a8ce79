from pathlib import Path

import psutil
import pytest

from loadtests.benchmarks.callers import document
from loadtests.benchmarks.server_process import ServerFailed, started


def test_a_server_runs_until_the_block_ends_and_tells_what_it_uses(tiny_repository: Path) -> None:
    with started(tiny_repository, "--model-control-mode", "explicit", "--load-model", "double") as server:
        assert document(server.port, "/v2/models/double")["name"] == "double"
        assert server.cpu_seconds() > 0
        assert 0 < server.uss() <= server.rss()
        assert server.threads() > 1
    assert not psutil.pid_exists(server.process.pid)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match=r"(?s)the server did not start.*gone"), started(tmp_path / "gone"):
        raise AssertionError


def test_the_block_may_fail_without_leaving_a_server(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="ours"), started(tmp_path) as server:  # noqa: PT012
        process = server.process
        raise ValueError("ours")
    assert not process.is_running()
