"""Requests that can't be answered in time, in a real server: nobody computes them, and everybody is told once."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import grpc
import httpx
import numpy as np
import pytest
import tritonclient.grpc as grpcclient
from tritonclient.utils import InferenceServerException

from tests import python_models
from tests.running_server import RunningServer, running

SLOW = """
import time

class Model:
    def execute(self, request):
        time.sleep(0.05)
        return {"y": request.inputs["x"] * 2}
"""
TENSORS = """max_batch_size: 4 dynamic_batching { }
input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }"""
OBJECTIVE = 'parameters { key: "latency_objective_ms" value { string_value: "200" } }'


WARM_UP = """
model_warmup { name: "one" inputs { key: "x" value { data_type: TYPE_FP32 dims: 1 zero_data: true } } }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("models")
    python_models.add_model(root, "slow", TENSORS, SLOW)
    python_models.add_model(root, "quick", TENSORS + OBJECTIVE, SLOW)
    python_models.add_model(
        root, "warmed", TENSORS + OBJECTIVE.replace("200", "80") + WARM_UP, SLOW.replace("0.05", "0.1")
    )
    with running(root) as started:
        yield started


def ask(server: RunningServer, model: str, value: float, **headers: str) -> httpx.Response:
    tensor = {"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [value]}
    return httpx.post(f"{server.url}/v2/models/{model}/infer", json={"inputs": [tensor]}, headers=headers, timeout=60)


def runs(server: RunningServer, model: str) -> float | None:
    return server.metric(f'nv_inference_exec_count{{model="{model}",version="1"}}')


def test_under_four_times_the_load_everybody_is_told_once_and_what_is_refused_says_when_to_come_again(
    server: RunningServer,
) -> None:
    assert ask(server, "quick", 1).json()["outputs"][0]["data"] == [2]
    with ThreadPoolExecutor(64) as callers:
        replies = list(callers.map(lambda number: ask(server, "quick", number), range(320)))
    told = Counter(reply.status_code for reply in replies)
    assert set(told) == {200, 503}
    assert told[200] > 0, "those that can be answered in time are"
    for number, reply in enumerate(replies):
        if reply.status_code == 200:
            assert reply.json()["outputs"][0]["data"] == [2 * number]
        else:
            assert any(words in reply.text for words in ("in time", "before it is answered", "timeout expired"))
            assert int(reply.headers["retry-after"]) >= 1
    assert ask(server, "quick", 5).status_code == 200, "and then it is as before"


def test_the_first_requests_of_a_model_that_was_warmed_up_are_planned_like_all_later_ones(
    server: RunningServer,
) -> None:
    with ThreadPoolExecutor(4) as callers:
        replies = list(callers.map(lambda number: ask(server, "warmed", number), range(4)))
    refused = [reply.text for reply in replies if reply.status_code != 200]
    assert len(refused) >= 3, "one is tried, since its 100 ms of 80 were not measured lately"
    planned = ["it would start in about" in text for text in refused]
    assert planned.count(True) >= 2, "nobody waits in vain, but who was to be tried when the machine stood still"


def test_what_a_grpc_client_would_not_wait_for_is_not_computed(server: RunningServer) -> None:
    tensor = grpcclient.InferInput("x", [1, 1], "FP32").set_data_from_numpy(np.float32([[3]]))
    with grpcclient.InferenceServerClient(server.grpc_address) as triton:
        assert triton.infer("slow", [tensor]).as_numpy("y").tolist() == [[6]]
        before = runs(server, "slow")
        with pytest.raises(InferenceServerException) as refused:
            triton.infer("slow", [tensor], client_timeout=0.03)
        assert refused.value.status() in (
            str(grpc.StatusCode.UNAVAILABLE),
            str(grpc.StatusCode.DEADLINE_EXCEEDED),
        )
        assert triton.infer("slow", [tensor], client_timeout=30).as_numpy("y").tolist() == [[6]]
    assert before is not None
    assert runs(server, "slow") == before + 1


def test_a_requests_own_timeout_is_when_it_must_be_answered(server: RunningServer) -> None:
    ask(server, "slow", 1)
    before = runs(server, "slow")
    tensor = {"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}
    body = {"inputs": [tensor], "parameters": {"timeout": 20_000}}
    refused = httpx.post(f"{server.url}/v2/models/slow/infer", json=body)
    assert (refused.status_code, "could not be answered in time" in refused.text) == (503, True)
    assert runs(server, "slow") == before
