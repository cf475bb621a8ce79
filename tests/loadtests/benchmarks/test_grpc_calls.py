import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from loadtests.benchmarks.bench import prepared
from loadtests.benchmarks.bench_models import MODELS
from loadtests.benchmarks.grpc_calls import check, request
from loadtests.benchmarks.server_process import ROOT, Server, ServerFailed
from tests.running_server import running

MLP = next(each for each in MODELS if each.name == "mlp")


@pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")
def test_what_took_turns_is_told() -> None:
    options = ["--model", "mlp", "--concurrency", "2", "--rounds", "1", "--seconds", "1"]
    command = [sys.executable, "-m", "loadtests.benchmarks.grpc_calls", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])["mlp"]
    assert found.keys() == {"slipway", "grpc.aio"}
    assert found["slipway"]["2"]["ratio"]["median"] == 1
    assert all(each["2"]["requests_per_s"]["median"] > 10 and not each["2"]["failed"] for each in found.values())


def test_who_answers_something_else_is_not_measured(tmp_path: Path) -> None:
    subject = prepared(tmp_path, MLP, with_direct=False)
    with running(tmp_path) as server:
        there = Server(server.grpc_port, None)  # type: ignore[arg-type] # which is not looked at
        check(there, request(MLP), subject)
        subject.expected[:] += np.float32(1)
        with pytest.raises(ServerFailed, match=r"session\.run"):
            check(there, request(MLP), subject)
