"""Locust itself runs it, in a process of its own: it changes sockets for all that is in one."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.running_server import RunningServer

FILE = Path(__file__).parents[3] / "loadtests" / "examples" / "locustfile.py"


@pytest.mark.skipif(find_spec("locust") is None, reason="Locust is not installed, and Slipway does not need it")
def test_users_of_locust_are_answered(tiny_server: RunningServer) -> None:
    command = [sys.executable, "-m", "locust", "-f", str(FILE), "--headless", "--host", tiny_server.url]
    command += ["-u", "4", "-r", "4", "-t", "2s", "--json"]
    environment = {**os.environ, "MODEL": "double"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    [infer] = json.loads(done.stdout)
    assert infer["name"] == "infer double"
    assert infer["num_requests"] > 0
    assert infer["num_failures"] == 0
