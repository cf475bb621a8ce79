import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from loadtests.rolling.replicas import free_ports
from serving.listening import PortTaken
from tests import python_models, tiny_models
from tests.running_server import running


@pytest.mark.parametrize("kind", ["http", "grpc", "metrics"])
def test_a_port_that_is_taken_is_said_before_anything_is_loaded(tmp_path: Path, kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                PortTaken,
                match=f"can't listen on 127.0.0.1:{port} .*--{kind}-port N or SLIPWAY_{kind.upper()}_PORT=N",
            ),
            running(tmp_path, **{f"{kind}_port": port}),
        ):
            pass


def test_stopping_answers_what_was_accepted_and_holds_nothing_back(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="dynamic_batching { max_queue_delay_microseconds: 3600000000 }")
    tensor = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
    with ThreadPoolExecutor(3) as pool, running(tmp_path) as server:
        url = f"{server.url}/v2/models/double/infer"
        asked = [pool.submit(httpx.post, url, json={"inputs": [tensor]}, timeout=60) for _ in range(3)]
        server.wait_for_pending("double", 3)
    assert [future.result().json()["outputs"][0]["data"] for future in asked] == [[2, 4, 6, 8]] * 3


def test_health_answers_while_models_load_and_readiness_waits(tmp_path: Path) -> None:
    """Which one of them does until the file `go` is there."""
    go = python_models.add_model(tmp_path, "slow", TENSORS, LOADS_LONG) / "go"
    url = f"http://127.0.0.1:{(port := free_port())}"
    with ThreadPoolExecutor(1) as pool:
        whole_run = pool.submit(run_once, tmp_path, port)
        try:
            assert when_up(f"{url}/v2/health/live").status_code == 200
            assert httpx.get(f"{url}/v2/health/ready").status_code == 503
            assert {"name": "slow", "state": "LOADING"} in httpx.post(f"{url}/v2/repository/index").json()
            reply = httpx.post(f"{url}/v2/models/slow/infer", json={})
            assert (reply.status_code, "it is loading" in reply.json()["error"]) == (503, True)
        finally:
            go.touch()
        whole_run.result()


TENSORS = 'input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "x" data_type: TYPE_FP32 dims: 1 }'
LOADS_LONG = """
import time

class Model:
    def load(self, context):
        while not (context.directory / "go").exists():
            time.sleep(0.005)

    def execute(self, request):
        return request.inputs
"""


def free_port() -> int:
    """None that the system would give to somebody else meanwhile."""
    [port] = free_ports(1)
    return port


def run_once(root: Path, port: int) -> None:
    with running(root, http_port=port) as server:
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200


def when_up(url: str) -> httpx.Response:
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url, timeout=30)
        except httpx.ConnectError:
            assert time.monotonic() < deadline


def test_stopping_ends_every_thread(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="instance_group { count: 4 }")
    before = set(threading.enumerate())
    with running(tmp_path):
        new = set(threading.enumerate()) - before
        assert sum(thread.name.startswith("double/1-") for thread in new) == 4
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name.startswith("double")]


def test_a_model_that_can_not_be_loaded_keeps_no_other_from_serving(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "broken")
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"no model")
    with running(tmp_path, model_control_mode="explicit", load_model=("broken", "nope", "double")) as server:
        index = httpx.post(f"{server.url}/v2/repository/index").json()
    assert {row["name"]: row["state"] for row in index} == {
        "broken": "UNAVAILABLE",
        "double": "READY",
        "nope": "UNAVAILABLE",
    }
    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert [text.partition(":")[0] for text in errors] == [
        "failed to load 'nope'",
        "broken version 1 is UNAVAILABLE",
        "nope is UNAVAILABLE",
    ]


def test_in_explicit_mode_nothing_else_is_loaded(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, model_control_mode="explicit") as server:
        assert httpx.post(f"{server.url}/v2/repository/index").json() == [{"name": "double"}]


def test_in_explicit_mode_a_star_loads_all(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, model_control_mode="explicit", load_model=("*",)) as server:
        assert httpx.get(f"{server.url}/v2/models/double/ready").status_code == 200
