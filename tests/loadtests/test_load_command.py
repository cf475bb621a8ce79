import os
import signal
import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner

from loadtests.command import loadtest
from loadtests.result import Ending
from loadtests.result_file import read
from tests.running_server import RunningServer


def test_a_server_is_loaded_and_the_result_kept(tiny_server: RunningServer, tmp_path: Path) -> None:
    words = [tiny_server.url, "--model", "double", "--rate", "50", "--requests", "50", "--warm-up", "0"]
    words += ["--metrics-url", f"http://127.0.0.1:{tiny_server.metrics_port}/metrics"]
    to = ["--json", str(tmp_path / "result.json"), "--report", str(tmp_path / "report.html")]
    done = CliRunner().invoke(loadtest, [*words, *to])
    [result] = read(tmp_path / "result.json").runs
    assert result.fates == {"answered": 50}
    assert result.model == "double"
    assert done.exit_code == (1 if result.invalid else 0)
    assert "answered/s" in done.stdout
    assert result.server["cpu"] > 0
    assert result.server["memory"] > 2**20
    assert 0 < result.server["requests"] <= result.requests, "the server may be asked first when some were answered"
    page = (tmp_path / "report.html").read_text()
    assert "Inside the server" in page
    assert f"{result.latency.p99:.2f}" in page


def test_ctrl_c_ends_it_and_keeps_what_was_counted(tiny_server: RunningServer, tmp_path: Path) -> None:
    words = [tiny_server.url, "--model", "double", "--rate", "50", "--seconds", "600", "--warm-up", "0"]
    command = [sys.executable, "-m", "serving", "loadtest", *words, "--json", str(tmp_path / "result.json")]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as it:
        assert it.stdout is not None
        it.stdout.readline()  # something was counted
        os.killpg(it.pid, signal.SIGINT)  # as a terminal tells all that run in it
        out, errors = it.communicate()
    [result] = read(tmp_path / "result.json").runs
    assert it.returncode == 130
    assert errors == ""
    assert result.ended == Ending.INTERRUPTED
    assert 0 < result.requests == result.fates["answered"]
    assert "Ctrl-C ended it after" in out


def test_a_model_that_is_not_there_is_told(tiny_server: RunningServer) -> None:
    done = CliRunner().invoke(loadtest, [tiny_server.url, "--model", "nope"])
    assert done.exit_code == 2
    assert "nope" in done.stderr


def test_an_objective_of_streams_is_refused_where_there_are_none(tiny_server: RunningServer) -> None:
    done = CliRunner().invoke(loadtest, [tiny_server.url, "--model", "double", "--slo", "ttft_p95<200ms"])
    assert done.exit_code == 2
    assert "ttft_p95<200ms is of streams" in done.stderr
