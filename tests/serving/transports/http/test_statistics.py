from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running

ROW = {"name": "x", "shape": [3, 4], "datatype": "FP32", "data": [0] * 12}


def stats(server: RunningServer, path: str) -> list[dict[str, Any]]:
    return httpx.get(f"{server.url}/v2/models{path}/stats").json()["model_stats"]  # type: ignore[no-any-return]


def test_what_a_model_has_done_is_told_in_tritons_fields(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path) as server:
        for _ in range(2):
            httpx.post(f"{server.url}/v2/models/double/infer", json={"inputs": [ROW]}).raise_for_status()
        [model] = stats(server, "/double")
    assert [model[key] for key in ("name", "version", "inference_count", "execution_count")] == ["double", "1", 6, 2]
    assert model["last_inference"] > 1_700_000_000_000
    inference = model["inference_stats"]
    assert list(inference) == [
        *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss")
    ]
    assert [inference[key]["count"] for key in inference] == [2, 0, 2, 2, 2, 2, 0, 0]
    assert inference["success"]["ns"] >= inference["queue"]["ns"] + inference["compute_infer"]["ns"]
    [batch] = model["batch_stats"]
    assert (batch["batch_size"], batch["compute_infer"]["count"]) == (3, 2)
    assert (model["response_stats"], model["memory_usage"]) == ({}, [])


def test_all_models_one_model_and_one_version(tiny_server: RunningServer) -> None:
    names = [model["name"] for model in stats(tiny_server, "")]
    assert {"simple", "double"} <= set(names)
    assert [model["name"] for model in stats(tiny_server, "/simple")] == ["simple"]
    assert [model["version"] for model in stats(tiny_server, "/simple/versions/1")] == ["1"]


@pytest.mark.parametrize(("path", "status"), [("nope", 400), ("simple/versions/7", 404)])
def test_of_what_is_not_there_nothing_is_told(tiny_server: RunningServer, path: str, status: int) -> None:
    reply = httpx.get(f"{tiny_server.url}/v2/models/{path}/stats")
    assert reply.status_code == status
    assert "Request for unknown model" in reply.json()["error"]
