"""The response cache as callers of a real server see it, over both protocols."""

import http.client
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
import tritonclient.http

from tests import python_models
from tests.conformance.behaviours import wait_for
from tests.conformance.callers import CLIENTS
from tests.conformance.test_metrics import page
from tests.running_server import RunningServer, running, until

CONFIG = """
input [{ name: "x" data_type: TYPE_FP32 dims: -1 dims: -1 optional: true },
       { name: "n" data_type: TYPE_INT32 dims: -1 dims: -1 optional: true },
       { name: "text" data_type: TYPE_STRING dims: -1 optional: true }]
output [{ name: "run" data_type: TYPE_INT64 dims: 1 }, { name: "also" data_type: TYPE_INT64 dims: 1 }]
response_cache { enable: true }
"""
# Answers how often it ran. While the file `shut` is there, whoever asks waits, and `entered` tells so; NaN it refuses.
SOURCE = """
import time

import numpy as np

FIRST = {first}

class Model:
    def load(self, context):
        self.shut, self.runs = context.directory / "shut", FIRST

    def execute(self, request):
        self.runs += 1
        (self.shut.parent / "entered").touch()
        while self.shut.exists():
            time.sleep(0.005)
        if "x" in request.inputs and np.isnan(request.inputs["x"]).any():
            raise ValueError(f"run {{self.runs}} met no number")
        return {{"run": [self.runs], "also": [self.runs]}}
"""
X = np.zeros((2, 3), np.float32)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return python_models.add_model(tmp_path, "counting", CONFIG, SOURCE.format(first=0))


@pytest.fixture
def server(directory: Path) -> Iterator[RunningServer]:
    root = directory.parents[1]
    settings: dict[str, Any] = {"model_control_mode": "explicit", "load_model": ("counting",)}
    with running(root, response_cache_byte_size=1_000_000, **settings) as running_server:
        yield running_server
        (directory / "shut").unlink(missing_ok=True)  # or what failed would wait in the model for ever


def ask(kind: str, server: RunningServer, outputs: tuple[str, ...] = (), /, **options: Any) -> list[int]:
    """The numbers of the runs that answered, one for each output; `options` are inputs, and what the client takes."""
    module = tritonclient.grpc if kind == "grpc" else tritonclient.http
    inputs = []
    for name, datatype in (("x", "FP32"), ("n", "INT32"), ("text", "BYTES")):
        if name in options:
            array = options.pop(name)
            inputs.append(module.InferInput(name, list(array.shape), datatype))
            inputs[-1].set_data_from_numpy(array)
    wanted = [module.InferRequestedOutput(name) for name in outputs] or None
    with CLIENTS[kind](server.grpc_address if kind == "grpc" else server.address) as client:
        result = client.infer("counting", inputs, outputs=wanted, **options)
    return [int(result.as_numpy(name)[0]) for name in outputs or ("run", "also")]


def statistics(server: RunningServer) -> dict[str, int]:
    [model] = httpx.get(f"{server.url}/v2/models/counting/stats").json()["model_stats"]
    counts = {name: model["inference_stats"][name]["count"] for name in ("success", "fail", "cache_hit", "cache_miss")}
    return {**counts, "queue": model["inference_stats"]["queue"]["count"], "executions": model["execution_count"]}


both = pytest.mark.parametrize("kind", ["http", "grpc"])


def text(*elements: bytes) -> np.ndarray:
    return np.array(elements, dtype=object)


@both
def test_the_same_again_is_answered_from_the_cache_whoever_asks(server: RunningServer, kind: str) -> None:
    assert ask(kind, server, x=X) == [1, 1]
    for other in ("http", "grpc"):
        assert ask(other, server, x=X, request_id="another", priority=3, timeout=60_000_000) == [1, 1]
    assert statistics(server) == {"success": 3, "fail": 0, "cache_hit": 2, "cache_miss": 1, "queue": 3, "executions": 1}
    with CLIENTS["grpc"](server.grpc_address) as client:
        [model] = client.get_inference_statistics("counting").model_stats
    assert (model.inference_stats.cache_hit.count, model.inference_stats.cache_miss.count) == (2, 1)
    assert model.inference_stats.cache_hit.ns > 0
    assert model.inference_stats.compute_infer.count == model.inference_count == 1


@both
def test_whatever_differs_is_another_question(server: RunningServer, kind: str) -> None:
    questions: list[dict[str, Any]] = [
        {"x": X},
        {"x": X.reshape(3, 2)},
        {"n": X.view(np.int32)},
        {"x": X + 1},
        {"x": X, "parameters": {"p": 1}},
        {"x": X, "parameters": {"p": "1"}},
        {"x": X, "parameters": {"p": True}},
        {"text": text(b"ab", b"c")},
        {"text": text(b"a", b"bc")},
        {"x": X, "text": text(b"abc")},
    ]
    for _ in range(2):
        assert [ask(kind, server, **question)[0] for question in questions] == list(range(1, 11))


@both
def test_outputs_are_chosen_from_all_that_were_kept(server: RunningServer, kind: str) -> None:
    assert ask(kind, server, ("also",), x=X) == [1]
    assert ask(kind, server, ("run",), x=X) == [1]
    assert ask(kind, server, ("also", "run"), x=X) == [1, 1]
    assert statistics(server)["executions"] == 1
    with pytest.raises(Exception, match="unexpected inference output 'nope'"):
        ask(kind, server, ("nope",), x=X)


@both
def test_many_that_ask_the_same_at_once_have_one_run(server: RunningServer, directory: Path, kind: str) -> None:
    (directory / "shut").touch()
    with ThreadPoolExecutor(24) as pool:
        asked = [pool.submit(ask, kind, server, x=X + number % 2) for number in range(24)]
        server.wait_for_pending("counting", 1)
        until(lambda: under_way(server) == 24)
        server.wait_for_pending("counting", 1)
        (directory / "shut").unlink()
        answers = [future.result()[0] for future in asked]
    assert sorted(answers) == [1] * 12 + [2] * 12
    assert len(set(answers[::2])) == len(set(answers[1::2])) == 1
    counts = statistics(server)
    assert (counts["success"], counts["cache_hit"], counts["cache_miss"], counts["executions"]) == (24, 22, 2, 2)


def test_a_caller_that_hangs_up_takes_nobody_along(server: RunningServer, directory: Path) -> None:
    (directory / "shut").touch()
    body = {"inputs": [{"name": "x", "datatype": "FP32", "shape": [2, 3], "data": [0] * 6}]}
    leaves = http.client.HTTPConnection(server.address, timeout=60)
    leaves.request("POST", "/v2/models/counting/infer", json.dumps(body))
    wait_for(directory / "entered")
    with ThreadPoolExecutor(1) as pool:
        stays = pool.submit(ask, "grpc", server, x=X)
        until(lambda: under_way(server) == 2)
        leaves.close()
        until(lambda: statistics(server)["fail"] > 0)
        (directory / "shut").unlink()
        assert stays.result() == [1, 1]
    assert statistics(server)["executions"] == 1


def under_way(server: RunningServer) -> float:
    """Requests that have come, some of which may wait for another, which nothing outside shows."""
    names = ("slipway_http_requests_running", "slipway_grpc_calls_running")
    return sum(server.metric(name) or 0 for name in names)


@both
def test_an_error_is_not_kept(server: RunningServer, kind: str) -> None:
    for run in (1, 2):
        with pytest.raises(Exception, match=f"run {run} met no number"):
            ask(kind, server, x=X * np.nan)
    assert statistics(server) == {"success": 0, "fail": 2, "cache_hit": 0, "cache_miss": 0, "queue": 0, "executions": 2}


@both
def test_a_model_that_is_loaded_anew_is_asked_anew(server: RunningServer, directory: Path, kind: str) -> None:
    assert ask(kind, server, x=X) == [1, 1]
    (directory / "model.py").write_text(SOURCE.format(first=100))
    with CLIENTS[kind](server.grpc_address if kind == "grpc" else server.address) as client:
        client.load_model("counting")
    assert ask(kind, server, x=X) == [101, 101]
    assert ask(kind, server, x=X) == [101, 101]
    assert statistics(server)["cache_hit"] == 1


def test_what_does_not_fit_any_more_goes_and_the_size_is_kept(directory: Path) -> None:
    with running(directory.parents[1], response_cache_byte_size=10_000) as server:
        for number in range(50):
            assert ask("http", server, x=X + number) == [number + 1] * 2
        lines = dict(line.rsplit(" ", 1) for line in page(server).splitlines() if "slipway_response_cache" in line)
        assert int(lines["slipway_response_cache_evictions_total"]) > 30
        assert 0 < int(lines["slipway_response_cache_used_bytes"]) <= 10_000
        assert ask("http", server, x=X + 49) == [50, 50]
        assert ask("http", server, x=X) == [51, 51]


def test_without_the_option_the_model_is_served_uncached(directory: Path) -> None:
    with running(directory.parents[1]) as server:
        assert [ask("http", server, x=X)[0] for _ in range(3)] == [1, 2, 3]
        assert "_cache_" not in page(server)
        assert statistics(server)["cache_hit"] == 0
