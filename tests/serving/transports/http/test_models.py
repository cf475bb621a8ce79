import httpx
import pytest

from tests.running_server import RunningServer

SIMPLE = {
    "name": "simple",
    "versions": ["1"],
    "platform": "onnxruntime_onnx",
    "inputs": [
        {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]},
        {"name": "INPUT1", "datatype": "INT32", "shape": [-1, 16]},
    ],
    "outputs": [
        {"name": "OUTPUT0", "datatype": "INT32", "shape": [-1, 16]},
        {"name": "OUTPUT1", "datatype": "INT32", "shape": [-1, 16]},
    ],
}


@pytest.mark.parametrize("path", ["/v2/models/simple", "/v2/models/simple/versions/1"])
def test_metadata(tiny_server: RunningServer, path: str) -> None:
    assert httpx.get(tiny_server.url + path).json() == SIMPLE


@pytest.mark.parametrize("path", ["/v2/models/affine/config", "/v2/models/affine/versions/1/config"])
def test_config_is_the_completed_one(tiny_server: RunningServer, path: str) -> None:
    config = httpx.get(tiny_server.url + path).json()
    assert config["platform"] == "pytorch_libtorch"
    assert config["input"][0]["dims"] == [3]


@pytest.mark.parametrize("suffix", ["", "/config"])
@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("nope", 400, "Request for unknown model: 'nope' is not found"),
        ("simple/versions/9", 404, "Request for unknown model: 'simple' version 9 is not found"),
        ("simple/versions/x", 404, "Request for unknown model: 'simple' version x is not found"),
    ],
)
def test_unknown_models_and_versions(
    tiny_server: RunningServer, path: str, suffix: str, status: int, message: str
) -> None:
    reply = httpx.get(f"{tiny_server.url}/v2/models/{path}{suffix}")
    assert (reply.status_code, reply.json()) == (status, {"error": message})


def test_readiness_of_models(tiny_server: RunningServer) -> None:
    ready = {
        path: httpx.get(f"{tiny_server.url}/v2/models/{path}/ready").status_code
        for path in ("simple", "simple/versions/1", "simple/versions/2", "nope")
    }
    assert ready == {"simple": 200, "simple/versions/1": 200, "simple/versions/2": 400, "nope": 400}
