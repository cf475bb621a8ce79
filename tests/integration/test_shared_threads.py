"""One thread pool for all ONNX models, in processes of their own, since the runtime keeps the pool for good."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import tiny_models

_SERVE = '''
import os, sys, time
from pathlib import Path
import httpx
from tests.running_server import running

def name(thread):
    """As the system has it; the runtime's threads have that of whoever made them."""
    try:
        return Path(f"/proc/self/task/{thread}/comm").read_text()
    except OSError:  # it ended meanwhile
        return ""

def threads():
    """Once those that only loaded something are gone; without gRPC's, whose number is its own affair."""
    looks = [-1]
    while len(set(looks[-5:])) > 1 or len(looks) < 6:
        time.sleep(0.2)
        looks.append(sum(name(thread) == name(os.getpid()) for thread in os.listdir("/proc/self/task")))
    return looks[-1]

root, is_shared = Path(sys.argv[1]), sys.argv[2] == "shared"
with running(root, enable_global_threadpool=is_shared, model_control_mode="explicit") as server:
    def load(name):
        httpx.post(f"{server.url}/v2/repository/models/{name}/load", timeout=60).raise_for_status()
    load("m0")
    one = threads()
    for number in range(1, 6):
        load(f"m{number}")
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    body = {"inputs": [tensor]}
    answers = [httpx.post(f"{server.url}/v2/models/m{n}/infer", json=body, timeout=60).json() for n in range(6)]
    assert all(answer["outputs"][0]["data"] == [2, 4, 6, 8] for answer in answers), answers
    print("MORE THREADS FOR FIVE MORE MODELS:", threads() - one)
'''


def more_threads(root: Path, mode: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", _SERVE, str(root), mode], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split("MODELS:")[1]), done.stderr


@pytest.fixture
def six_models(tmp_path: Path) -> Path:
    for number in range(6):
        extra = 'parameters { key: "intra_op_thread_count" value { string_value: "3" } }'
        tiny_models.add_double(tmp_path, f"m{number}", extra=f"dynamic_batching {{ }} {extra}")
    return tmp_path


def test_models_that_share_a_pool_bring_no_threads_but_their_instances(six_models: Path) -> None:
    shared, log = more_threads(six_models, "shared")
    apart, _ = more_threads(six_models, "apart")
    assert apart - shared == 5 * 2, "each has two beside the one that runs it"
    assert "m0: config.pbtxt sets 'parameters.intra_op_thread_count', which has no effect while all ONNX" in log
