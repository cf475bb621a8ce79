"""Models in processes of their own, seen from outside: what ends one of them ends nothing else."""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from tests import python_models, shared_files, tiny_models
from tests.python_models import CRASH, ISOLATED, KILL, SLEEP
from tests.running_server import RunningServer, running
from tests.slipway_command import serving, url_in

GONE = "is started again"


def row(first: float = 1.0, name: str = "x") -> dict[str, Any]:
    return {"inputs": [{"name": name, "shape": [1, 4], "datatype": "FP32", "data": [first, 1, 1, 1]}]}


def infer(url: str, model: str, first: float = 1.0, **more: Any) -> httpx.Response:
    return httpx.post(f"{url}/v2/models/{model}/infer", json=row(first) | more, timeout=60)


def pid_of(reply: httpx.Response) -> int:
    assert reply.status_code == 200, reply.text
    return int(next(output for output in reply.json()["outputs"] if output["name"] == "pid")["data"][0])


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_ready(server: RunningServer, model: str) -> bool:
    return httpx.get(f"{server.url}/v2/models/{model}/ready").status_code == 200


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    batching = "dynamic_batching { max_queue_delay_microseconds: 200000 }"
    python_models.add_hazard(root)
    python_models.add_hazard(root, "batched", f"{batching} {ISOLATED}")
    python_models.add_hazard(root, "two", f"instance_group {{ count: 2 }} {ISOLATED}")
    python_models.add_hazard(root, "neighbour")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "isolated_double", extra=f"dynamic_batching {{ }} {ISOLATED}")
    tiny_models.add_ensemble(root, "both", "double:x>t hazard:t>y", names="x y")
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root, response_cache_byte_size=1_000_000) as server:
        yield server


@pytest.mark.parametrize(
    ("what", "words"),
    [(CRASH, "crashed (SIGSEGV)"), (KILL, "was killed (SIGKILL), perhaps for want of memory")],
)
def test_what_ends_a_process_is_answered_and_neighbours_get_all_their_answers(
    server: RunningServer, what: float, words: str
) -> None:
    wait_until(lambda: is_ready(server, "hazard"))
    neighbours = ("double", "isolated_double", "neighbour")
    ended = threading.Event()

    def call(model: str) -> list[int]:
        found = []
        while not ended.is_set():
            found.append(infer(server.url, model).status_code)
        return found

    before = pid_of(infer(server.url, "hazard"))
    with ThreadPoolExecutor(len(neighbours)) as pool:
        calls = [pool.submit(call, model) for model in neighbours]
        died = infer(server.url, "hazard", what)
        wait_until(lambda: is_ready(server, "hazard"))
        after = infer(server.url, "hazard")
        ended.set()
        answered = [status for each in calls for status in each.result()]
    assert died.status_code == 503
    expected = f"the process of model 'hazard' version 1, which had this request, {words}; it {GONE}"
    assert died.json() == {"error": expected}
    assert int(died.headers["Retry-After"]) >= 1
    assert pid_of(after) != before
    assert set(answered) == {200}


def test_grpc_says_that_it_is_unavailable(server: RunningServer) -> None:
    wait_until(lambda: is_ready(server, "hazard"))
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        tensor = grpcclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(np.full((1, 4), CRASH, np.float32))
        with pytest.raises(InferenceServerException, match=r"crashed \(SIGSEGV\)") as died:
            client.infer("hazard", [tensor])
        assert died.value.status() == "StatusCode.UNAVAILABLE"


def test_a_batch_with_a_request_that_ends_the_process_ends_one_process(server: RunningServer) -> None:
    restarts, path = 'slipway_instance_restarts_total{model="batched",version="1"}', "/v2/models/batched/infer"
    with ThreadPoolExecutor(8) as pool, httpx.Client(base_url=server.url, timeout=60) as client:
        firsts = [1, 1, 1, CRASH, 1, 1, 1, 1]
        statuses = list(pool.map(lambda first: client.post(path, json=row(first)).status_code, firsts))
    assert statuses.count(503) >= 2, "what ran beside it is not run again"
    wait_until(lambda: bool(server.metric(restarts)) and is_ready(server, "batched"))
    assert server.metric(restarts) == 1


def test_while_it_is_down_it_is_not_ready_and_says_when_it_will_be(server: RunningServer) -> None:
    def is_long_down() -> bool:
        reply = infer(server.url, "hazard", KILL)
        return reply.status_code == 503 and int(reply.headers["Retry-After"]) > 2

    with httpx.Client(base_url=server.url, timeout=60) as client:  # one, since each takes its time to make
        wait_until(is_long_down)
        reply = client.post("/v2/models/hazard/infer", json=row(1))
        failed = client.post("/v2/models/both/infer", json=row(1))
        ready = [client.get(f"/v2/models/{model}/ready").status_code == 200 for model in ("hazard", "both", "double")]
        rows = client.post("/v2/repository/index").json()
        told = client.get(f"http://127.0.0.1:{server.metrics_port}/metrics").text
    assert reply.status_code == 503
    assert f"it is started again in {reply.headers['Retry-After']} s" in reply.text
    assert 'slipway_instances_up{model="hazard",version="1"} 0\n' in told
    assert ready == [False, False, True], "an ensemble needs it"
    index = {each["name"]: each for each in rows}
    assert index["hazard"]["state"] == "UNAVAILABLE"
    assert "was killed (SIGKILL)" in index["hazard"]["reason"]
    assert index["double"]["state"] == "READY"
    assert failed.status_code == 503
    assert "in ensemble 'both', model 'hazard': the process of" in failed.text
    assert int(failed.headers["Retry-After"]) > 1


def test_an_instance_that_is_down_costs_the_other_nothing(server: RunningServer) -> None:

    def is_one_down() -> bool:
        infer(server.url, "two", KILL)
        return 'slipway_instances_up{model="two",version="1"} 1\n' in metrics(server)

    wait_until(is_one_down)
    statuses = [infer(server.url, "two").status_code for _ in range(50)]
    assert statuses.count(503) <= 1, "one may have been on its way to it"


def metrics(server: RunningServer) -> str:
    return httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics").text


def test_two_instances_are_two_processes_that_answer_at_the_same_time(tmp_path: Path) -> None:
    directory = python_models.add_model(
        tmp_path,
        "m",
        f"""input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "pid" data_type: TYPE_INT64 dims: 1 }}
        instance_group {{ count: 2 }} {ISOLATED}""",
        """
        import os, time
        class Model:
            def load(self, context):
                self.directory = context.directory
            def execute(self, request):
                (self.directory / f"{os.getpid()}.here").touch()
                while len(list(self.directory.glob("*.here"))) < 2:
                    pass
                return {"pid": [os.getpid()]}
        """,
    )
    body = {"inputs": [{"name": "x", "shape": [4], "datatype": "FP32", "data": [1, 1, 1, 1]}]}
    with running(tmp_path) as server, ThreadPoolExecutor(2) as pool:
        url = f"{server.url}/v2/models/m/infer"
        replies = list(pool.map(lambda _: httpx.post(url, json=body, timeout=60), range(2)))
    assert {f"{pid_of(reply)}.here" for reply in replies} == {path.name for path in directory.glob("*.here")}


def test_a_model_with_sequences_tells_those_whose_state_is_lost(tmp_path: Path) -> None:
    python_models.add_model(
        tmp_path,
        "counts",
        f"""max_batch_size: 4 sequence_batching {{ direct {{ }} }}
        input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "sum" data_type: TYPE_FP32 dims: 1 }}
        {ISOLATED}""",
        """
        import os
        class Model:
            def load(self, context):
                self.sum = 0.0
            def execute(self, request):
                self.sum += float(request.inputs["x"][:, 0].sum())
                if self.sum > 100:
                    os.abort()
                return {"sum": [[self.sum]] * len(request.inputs["x"])}
        """,
    )

    def ask(number: float, **flags: bool) -> httpx.Response:
        return infer(server.url, "counts", number, parameters={"sequence_id": 7, **flags})

    with running(tmp_path) as server:
        assert ask(1, sequence_start=True).json()["outputs"][0]["data"] == [1]
        assert ask(2).json()["outputs"][0]["data"] == [3]
        assert ask(200).status_code == 503
        assert "must specify the START flag" in ask(1).json()["error"]
        wait_until(lambda: is_ready(server, "counts"))
        assert ask(1, sequence_start=True).json()["outputs"][0]["data"] == [1]


def test_a_process_that_takes_another_s_place_is_warm_before_it_answers(tmp_path: Path) -> None:
    sample = """model_warmup { name: "three" batch_size: 1 count: 3
        inputs { key: "x" value { data_type: TYPE_FP32 dims: 4 zero_data: true } } }"""
    python_models.add_model(
        tmp_path,
        "warm",
        f"""max_batch_size: 4 input {{ name: "x" data_type: TYPE_FP32 dims: 4 }}
        output {{ name: "before" data_type: TYPE_INT64 dims: 1 }} {sample} {ISOLATED}""",
        f"""
        import os, signal
        class Model:
            ran = 0
            def execute(self, request):
                if request.inputs["x"][0, 0] == {KILL}:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.ran += 1
                return {{"before": [[self.ran - 1]] * len(request.inputs["x"])}}
        """,
    )
    with running(tmp_path) as server:
        for _ in range(2):
            assert infer(server.url, "warm").json()["outputs"][0]["data"] == [3]
            assert infer(server.url, "warm", KILL).status_code == 503
            wait_until(lambda: is_ready(server, "warm"))


@pytest.fixture
def command(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], str, Path]]:
    """A server in a process of its own, its address, and its model's folder."""
    directory = python_models.add_hazard(tmp_path)
    with serving(tmp_path) as (process, banner):
        yield process, url_in(banner), directory


def is_gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("busy", [False, True])
def test_nothing_is_left_when_the_server_is_killed(
    command: tuple[subprocess.Popen[str], str, Path], busy: bool
) -> None:
    process, url, directory = command
    shared = shared_files.files()
    pid = pid_of(infer(url, "hazard"))
    with ThreadPoolExecutor(1) as pool:
        if busy:
            asked = pool.submit(infer, url, "hazard", SLEEP)
            wait_until((directory / "entered").exists)
        process.kill()
        process.wait()
        wait_until(lambda: is_gone(pid))
        if busy:
            assert isinstance(asked.exception(30), httpx.TransportError)
    shared_files.none_stays(shared)


def test_ctrl_c_is_the_servers_and_what_runs_is_answered(tmp_path: Path) -> None:
    python_models.add_gate(tmp_path)
    with (tmp_path / "gate" / "config.pbtxt").open("a") as file:
        file.write(ISOLATED)
    with serving(tmp_path) as (process, banner), ThreadPoolExecutor(1) as pool:
        children = psutil.Process(process.pid).children(recursive=True)
        assert len(children) == 1
        assert os.getpgid(children[0].pid) == children[0].pid, "the terminal's Ctrl-C does not reach it"
        asked = pool.submit(infer, url_in(banner), "gate")
        wait_until((tmp_path / "gate" / "1" / "entered").exists)
        process.send_signal(signal.SIGINT)
        (tmp_path / "gate" / "1" / "open").touch()
        assert asked.result(30).status_code == 200
        assert process.wait(30) == 0
        assert is_gone(children[0].pid)
        assert process.stdout is not None
        assert process.stdout.read().endswith("Stopped; every accepted request was answered.\n")


def test_a_process_that_hangs_does_not_keep_a_server_that_stops(tmp_path: Path) -> None:
    directory = python_models.add_hazard(tmp_path)
    with serving(tmp_path, SLIPWAY_SHUTDOWN_TIMEOUT="1") as (process, banner), ThreadPoolExecutor(1) as pool:
        pid = pid_of(infer(url_in(banner), "hazard"))
        asked = pool.submit(infer, url_in(banner), "hazard", SLEEP)
        wait_until((directory / "entered").exists)
        process.send_signal(signal.SIGTERM)
        assert asked.result(30).status_code == 503
        process.wait(30)
        wait_until(lambda: is_gone(pid))


def test_a_value_that_is_not_known_is_a_reason(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=ISOLATED.replace("process", "thread"))
    with running(tmp_path) as server:
        (row,) = json.loads(httpx.post(f"{server.url}/v2/repository/index").text)
    assert row["state"] == "UNAVAILABLE"
    assert "parameters.isolation must be 'process'" in row["reason"]
