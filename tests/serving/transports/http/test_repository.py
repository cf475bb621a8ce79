"""The repository over HTTP: its index, and models that come and go by request."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running


@pytest.fixture(scope="module")
def explicit_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("explicit")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "other")
    tiny_models.add_double(root, "broken")
    (root / "broken" / "1" / "model.onnx").write_bytes(b"")
    return root


@pytest.fixture
def explicit(explicit_repository: Path) -> Iterator[RunningServer]:
    with running(explicit_repository, model_control_mode="explicit", load_model=("double",)) as server:
        yield server


def control(server: RunningServer, action: str, **parameters: Any) -> httpx.Response:
    body = {"json": {"parameters": parameters}} if parameters else {}
    return httpx.post(f"{server.url}/v2/repository/models/{action}", **body)


def index(server: RunningServer, **body: Any) -> list[dict[str, str]]:
    return httpx.post(f"{server.url}/v2/repository/index", **body).json()  # type: ignore[no-any-return]


def is_ready(server: RunningServer, model: str) -> bool:
    return httpx.get(f"{server.url}/v2/models/{model}/ready").status_code == 200


def test_the_index(tiny_server: RunningServer) -> None:
    rows = index(tiny_server)
    assert {"name": "simple", "version": "1", "state": "READY"} in rows
    assert index(tiny_server, json={"ready": True}) == rows
    assert httpx.post(f"{tiny_server.url}/v2/repository/any/index").json() == rows


@pytest.mark.parametrize("body", [b'{"ready": 1}', b"[]", b"{", b"[" * 250_000 + b"]" * 250_000])
def test_an_index_request_that_is_wrong(tiny_server: RunningServer, body: bytes) -> None:
    reply = httpx.post(f"{tiny_server.url}/v2/repository/index", content=body)
    assert reply.status_code == 400
    assert reply.json()["error"]


def test_only_the_models_asked_for_are_loaded_and_the_others_only_named(explicit: RunningServer) -> None:
    assert {"name": "other"} in index(explicit)
    assert {"name": "double", "version": "1", "state": "READY"} in index(explicit)


def test_a_model_comes_and_goes(explicit: RunningServer) -> None:
    loaded = control(explicit, "other/load")
    assert (loaded.status_code, loaded.content) == (200, b"")
    assert is_ready(explicit, "other")
    unloaded = control(explicit, "other/unload", unload_dependents=False)
    assert (unloaded.status_code, unloaded.content) == (200, b"")
    assert not is_ready(explicit, "other")
    assert control(explicit, "never heard of/unload").status_code == 200


def test_a_config_and_files_may_come_with_the_request(explicit: RunningServer, explicit_repository: Path) -> None:
    assert control(explicit, "double/load", config='{"max_batch_size": "16"}').status_code == 200
    assert httpx.get(f"{explicit.url}/v2/models/double/config").json()["max_batch_size"] == 16
    content = (explicit_repository / "double" / "1" / "model.onnx").read_bytes()
    files = {"file:5/model.onnx": base64.b64encode(content).decode()}
    assert control(explicit, "double/load", config="{}", **files).status_code == 200
    assert httpx.get(f"{explicit.url}/v2/models/double").json()["versions"] == ["5"]
    assert control(explicit, "double/load").status_code == 200
    assert httpx.get(f"{explicit.url}/v2/models/double").json()["versions"] == ["1"]


def test_why_a_model_can_not_be_loaded(explicit: RunningServer) -> None:
    broken = control(explicit, "broken/load")
    assert broken.status_code == 400
    assert broken.json()["error"].startswith(
        "load failed for model 'broken': version 1 is at UNAVAILABLE state: 'model.onnx' is empty"
    )
    unknown = control(explicit, "nope/load")
    assert unknown.status_code == 400
    assert "failed to load 'nope', failed to poll from model repository" in unknown.json()["error"]


@pytest.mark.parametrize(
    ("action", "body", "status", "message"),
    [
        ("double/load", {"config": 5}, 400, "load parameter 'config' must be a string"),
        ("double/load", {"colour": "red"}, 400, "unrecognized load parameter 'colour'"),
        ("double/load", {"config": "{}", "file:1/m": "*"}, 400, "must be the file in base64"),
        ("double/load", {"file:1/model.onnx": ""}, 400, "Load parameter 'config' must be specified"),
        ("double/load", {"config": "nonsense"}, 400, "failed to load 'double'"),
        ("double/load", {"config": "{}", "file:../x": ""}, 400, "is not a path inside the model's folder"),
        ("double/unload", {"unload_dependents": "yes"}, 400, "'unload_dependents': expected true or false"),
        ("%2e%2e/load", {}, 400, "must not contain path traversal"),
        ("a%5cb/load", {}, 400, "must not contain path traversal"),
    ],
)
def test_wrong_requests(explicit: RunningServer, action: str, body: dict[str, Any], status: int, message: str) -> None:
    reply = control(explicit, action, **body)
    assert reply.status_code == status
    assert message in reply.json()["error"]
    assert is_ready(explicit, "double")


@pytest.mark.parametrize("content", [b"[]", b'{"parameters": []}', b"{"])
def test_bodies_that_are_no_objects(explicit: RunningServer, content: bytes) -> None:
    for action in ("load", "unload"):
        reply = httpx.post(f"{explicit.url}/v2/repository/models/double/{action}", content=content)
        assert reply.status_code == 400


def test_a_repository_can_not_be_named(explicit: RunningServer) -> None:
    reply = httpx.post(f"{explicit.url}/v2/repository/mine/models/double/load")
    assert (reply.status_code, reply.json()) == (501, {"error": "'repository_name' specification is not supported"})


def test_without_explicit_mode_nothing_is_loaded_by_request(tiny_server: RunningServer) -> None:
    for action in ("simple/load", "simple/unload"):
        reply = control(tiny_server, action)
        assert reply.status_code == 503
        assert "explicit model load / unload is not allowed" in reply.json()["error"]
    assert is_ready(tiny_server, "simple")
    assert json.loads(reply.content)["error"]
