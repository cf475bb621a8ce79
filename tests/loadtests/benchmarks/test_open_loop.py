import json
import subprocess
import sys
from pathlib import Path

import pytest

from loadtests.benchmarks.open_loop import Outcome, request_body, summarize
from tests.running_server import RunningServer

ROOT = Path(__file__).parents[3]


def test_percentiles_are_over_what_was_answered_and_failures_are_counted() -> None:
    outcomes = [Outcome(n / 1e3, 0.0, 200, 5.0) for n in range(1, 101)] + [
        Outcome(9.0, 0.0, 503, 5.0),
        Outcome(9.0, 0.0, 0, 5.0),
    ]
    report = summarize("m", 10.0, 10.0, outcomes)
    assert (report.sent, report.succeeded, report.failed, report.throughput) == (102, 100, 2, 10.0)
    assert report.p50 == pytest.approx(50.5)
    assert report.p99 == pytest.approx(99.01)
    assert report.maximum == pytest.approx(100)
    assert report.valid


def test_throughput_counts_until_the_last_answer() -> None:
    late = [Outcome(1.0, 0.0, 200, finished) for finished in (1.0, 2.0, 3.0, 4.0)]
    assert summarize("m", 4.0, 1.0, late).throughput == 1.0


def test_a_run_whose_schedule_slipped_is_invalid() -> None:
    assert not summarize("m", 1.0, 1.0, [Outcome(0.001, 0.5, 200, 0.5)] * 3).valid


def test_bodies_fit_the_models_metadata() -> None:
    metadata = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 2, 3]}]}
    [tensor] = json.loads(request_body(metadata, seed=0))["inputs"]
    assert (tensor["shape"], len(tensor["data"])) == ([1, 2, 3], 6)
    with pytest.raises(ValueError, match="'t' is BYTES"):
        request_body({"inputs": [{"name": "t", "datatype": "BYTES", "shape": [1]}]}, seed=0)


def test_a_whole_run_ends_in_one_line_of_json(tiny_server: RunningServer) -> None:
    command = [
        sys.executable,
        "-m",
        "loadtests.benchmarks.open_loop",
        tiny_server.url,
        "double",
        "--rate",
        "50",
        "--seconds",
        "1",
    ]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["sent"] == report["succeeded"] > 20
    assert 0 < report["p50"] <= report["p99"] <= report["maximum"]


def test_an_unknown_model_is_said(tiny_server: RunningServer) -> None:
    command = [sys.executable, "-m", "loadtests.benchmarks.open_loop", tiny_server.url, "nope"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "'nope' is not found" in done.stderr
    assert "Traceback" not in done.stderr
