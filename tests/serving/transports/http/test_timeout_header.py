"""X-Request-Timeout-Ms on every route that infers; a model that takes 300 ms can't answer within 100."""

from collections.abc import Iterator

import httpx
import numpy as np
import pytest
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from tests import python_models
from tests.running_server import RunningServer, running

SLOW = """
import time

class Model:
    def execute(self, request):
        time.sleep(0.3)
        return {"y": request.inputs["x"]}
"""
JSON = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP32", "data": [1]}]}
TENSORS = """max_batch_size: 4 dynamic_batching { }
input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("models")
    python_models.add_model(root, "m", TENSORS, SLOW)
    objective = 'parameters { key: "latency_objective_ms" value { string_value: "100" } }'
    python_models.add_model(root, "quick", TENSORS + objective, SLOW)
    with running(root) as started:
        yield started


def ask(server: RunningServer, route: str = "infer", timeout: str = "", model: str = "m") -> httpx.Response:
    headers = {"X-Request-Timeout-Ms": timeout} if timeout else {}
    body = JSON if route == "infer" else {"x": 1.0}
    return httpx.post(f"{server.url}/v2/models/{model}/{route}", json=body, headers=headers)


@pytest.mark.parametrize("route", ["infer", "generate", "generate_stream"])
def test_what_can_not_be_answered_in_time_is_refused_and_told_when_to_come_again(
    server: RunningServer, route: str
) -> None:
    assert ask(server, route, "20000.5").status_code == 200, "which says how long it takes of late"
    refused = ask(server, route, "100")
    assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (503, True)
    assert "could not be answered in time" in refused.text


@pytest.mark.parametrize("timeout", ["0", "-1", "soon", "nan", "inf", "1e13"])
def test_a_header_that_is_no_time_is_named(server: RunningServer, timeout: str) -> None:
    refused = ask(server, timeout=timeout)
    assert refused.status_code == 400
    assert refused.json()["error"] == (
        f"the header X-Request-Timeout-Ms must be a number of milliseconds above 0, got '{timeout}'"
    )


def test_a_models_objective_is_the_timeout_of_requests_that_have_none(server: RunningServer) -> None:
    assert ask(server, model="quick", timeout="20000").status_code == 200, "its own counts"
    refused = ask(server, model="quick")
    assert (refused.status_code, "could not be answered in time" in refused.text) == (503, True)


def test_binary_tensors_are_no_way_past_it(server: RunningServer) -> None:
    tensor = httpclient.InferInput("x", [1, 1], "FP32").set_data_from_numpy(np.float32([[1]]))
    with httpclient.InferenceServerClient(server.address) as triton:
        assert triton.infer("m", [tensor]).as_numpy("y").tolist() == [[1]]
        with pytest.raises(InferenceServerException, match="could not be answered in time"):
            triton.infer("m", [tensor], headers={"X-Request-Timeout-Ms": "100"})
