"""Models that come, change and go by request, over both protocols and with all four clients."""

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from tests import python_models, tiny_models
from tests.conformance.behaviours import wait_for
from tests.conformance.callers import CLIENTS, Caller, calling
from tests.running_server import RunningServer, running

every_client = pytest.mark.parametrize("kind", CLIENTS)

ADD = "g (float[n, 4] x) => (float[n, 4] y) { y = Add(x, x) }"
SQUARE = "g (float[n, 4] x) => (float[n, 4] y) { y = Mul(x, x) }"
CONFIG = json.dumps(
    {
        "backend": "onnxruntime",
        "max_batch_size": "4",
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["4"]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": ["4"]}],
    }
)

ODD_CONFIG = json.dumps(
    {
        "backend": "python",
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": ["1"]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": ["1"]}],
    }
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two that can be loaded and two that can't."""
    root = tmp_path_factory.mktemp("explicit")
    for name in ("double", "other", "broken", "misconfigured"):
        tiny_models.add_double(root, name)
    (root / "broken" / "1" / "model.onnx").write_bytes(b"no model")
    (root / "misconfigured" / "config.pbtxt").write_text("max_batch_size: many")
    return root


@pytest.fixture
def explicit(root: Path) -> Iterator[RunningServer]:
    with running(root, model_control_mode="explicit", load_model=("double",)) as server:
        yield server


@pytest.fixture(scope="module")
def unchanged(root: Path) -> Iterator[RunningServer]:
    """For tests that leave it as they found it."""
    with running(root, model_control_mode="explicit", load_model=("double",)) as server:
        yield server


async def index(caller: Caller) -> dict[str, dict[str, str]]:
    answer = await caller.ask("get_model_repository_index")
    return {row["name"]: row for row in (answer.get("models", []) if caller.is_grpc else answer)}


async def doubled(caller: Caller, model: str = "double", version: str = "") -> list[float]:
    tensor = caller.tensor("x", np.float32([[1, 2, 3, 4]]), "FP32")
    return (await caller.ask("infer", model, [tensor], version)).as_numpy("y")[0].tolist()  # type: ignore[no-any-return]


async def config_of(caller: Caller, model: str = "double") -> dict[str, Any]:
    answer = await caller.ask("get_model_config", model)
    return answer["config"] if caller.is_grpc else answer  # type: ignore[no-any-return]


def onnx(tmp_path: Path, graph: str) -> bytes:
    path = tmp_path / "made" / "model.onnx"
    tiny_models.write_onnx(path, graph)
    return path.read_bytes()


@every_client
async def test_a_model_comes_and_goes(explicit: RunningServer, kind: str) -> None:
    async with calling(kind, explicit) as caller:
        assert await index(caller) == {
            "double": {"name": "double", "version": "1", "state": "READY"},
            **{name: {"name": name} for name in ("other", "broken", "misconfigured")},
        }
        await caller.ask("load_model", "other")
        assert await doubled(caller, "other") == [2, 4, 6, 8]
        await caller.ask("unload_model", "other", unload_dependents=True)
        assert await caller.ask("is_model_ready", "other") is False
        with pytest.raises(
            InferenceServerException, match="Request for unknown model: 'other' has no available versions"
        ):
            await doubled(caller, "other")
        with pytest.raises(InferenceServerException, match="'other' version 1 is not at ready state"):
            await doubled(caller, "other", "1")
        await caller.ask("load_model", "other")
        assert await doubled(caller, "other", "1") == [2, 4, 6, 8]


@every_client
async def test_a_model_that_was_unloaded_says_so(explicit: RunningServer, kind: str) -> None:
    async with calling(kind, explicit) as caller:
        await caller.ask("unload_model", "double")
        while (row := (await index(caller))["double"])["state"] == "UNLOADING":
            pass
        assert row == {"name": "double", "version": "1", "state": "UNAVAILABLE", "reason": "unloaded"}
        await caller.ask("unload_model", "double")
        await caller.ask("unload_model", "never heard of")


@every_client
async def test_a_config_takes_the_place_of_the_repositorys(explicit: RunningServer, kind: str) -> None:
    async with calling(kind, explicit) as caller:
        await caller.ask("load_model", "double", config='{"max_batch_size": "16", "dynamic_batching": {}}')
        config = await config_of(caller)
        assert (config["max_batch_size"], config["input"][0]["name"]) == (16, "x"), "the rest is read from the file"
        await caller.ask("load_model", "double")
        assert (await config_of(caller))["max_batch_size"] == 8


@every_client
async def test_files_take_the_place_of_the_repositorys(explicit: RunningServer, tmp_path: Path, kind: str) -> None:
    async with calling(kind, explicit) as caller:
        files = {"file:7/model.onnx": onnx(tmp_path, SQUARE)}
        await caller.ask("load_model", "double", config=CONFIG, files=files)
        assert await doubled(caller) == [1, 4, 9, 16]
        assert (await caller.ask("get_model_metadata", "double"))["versions"] == ["7"]
        await caller.ask("load_model", "brought_along", config=CONFIG, files=files)
        assert await doubled(caller, "brought_along", "7") == [1, 4, 9, 16]
        await caller.ask("load_model", "double")
        assert await doubled(caller, "double", "1") == [2, 4, 6, 8]


@every_client
@pytest.mark.parametrize(
    ("model", "options", "http_status", "grpc_status", "words"),
    [
        ("nope", {}, "400", "INTERNAL", "failed to load 'nope', failed to poll from model repository"),
        ("nope", {"config": "{}"}, "400", "INTERNAL", "failed to load 'nope', failed to poll from model repository"),
        (
            "broken",
            {},
            "400",
            "INVALID_ARGUMENT",
            "load failed for model 'broken': version 1 is at UNAVAILABLE state: ",
        ),
        ("misconfigured", {}, "400", "INVALID_ARGUMENT", "load failed for model 'misconfigured'"),
        ("double", {"config": "nonsense"}, "400", "INTERNAL", "failed to load 'double', failed to poll from model"),
        ("double", {"config": '{"name": "x"}'}, "400", "INTERNAL", "failed to load 'double', failed to poll from"),
        ("double", {"config": '{"max_batch_size": -1}'}, "400", "INVALID_ARGUMENT", "'max_batch_size' must be"),
        (
            "double",
            {"files": {"file:1/model.onnx": b"x"}},
            "400",
            "INTERNAL",
            "must be specified for model file override",
        ),
        ("double", {"config": "{}", "files": {"file:../model.onnx": b"x"}}, "400", "INTERNAL", "is not a path inside"),
        ("double", {"config": "{}", "files": {f"file:1/{'m' * 256}": b"x"}}, "400", "INTERNAL", "can't be written"),
        ("double", {"config": CONFIG, "files": {"file:1/model.onnx": b"x"}}, "400", "INVALID_ARGUMENT", "load failed"),
        ("double", {"config": "{}", "files": {"model.onnx": b"x"}}, "400", "INVALID_ARGUMENT", "unrecognized load"),
    ],
    ids=str,
)
async def test_a_load_that_fails_changes_nothing(
    unchanged: RunningServer,
    kind: str,
    model: str,
    options: dict[str, Any],
    http_status: str,
    grpc_status: str,
    words: str,
) -> None:
    async with calling(kind, unchanged) as caller:
        with pytest.raises(InferenceServerException) as failure:
            await caller.ask("load_model", model, **options)
        assert words in failure.value.message()
        assert failure.value.status() == (f"StatusCode.{grpc_status}" if caller.is_grpc else http_status)
        assert await doubled(caller) == [2, 4, 6, 8]
        assert set(await index(caller)) == {"double", "other", "broken", "misconfigured"}
        assert (await index(caller))["broken"].get("state") in (None, "UNAVAILABLE")


@pytest.mark.parametrize("name", ["..", "../double", "a/b", "a\\b", "."])
async def test_names_that_lead_elsewhere(unchanged: RunningServer, name: str) -> None:
    async with calling("grpc", unchanged) as caller:
        for method in ("load_model", "unload_model"):
            with pytest.raises(InferenceServerException, match="must not contain path traversal characters"):
                await caller.ask(method, name)


def test_a_file_over_http_is_base64(explicit: RunningServer, tmp_path: Path) -> None:
    file = base64.b64encode(onnx(tmp_path, ADD)).decode()
    for text, status in ((file, 200), ("not base64!", 400), (file[:-1], 400)):
        body = {"parameters": {"config": CONFIG, "file:1/model.onnx": text}}
        assert httpx.post(f"{explicit.url}/v2/repository/models/double/load", json=body).status_code == status


def test_a_repository_may_be_named_for_the_index_only(unchanged: RunningServer) -> None:
    assert len(httpx.post(f"{unchanged.url}/v2/repository/any/index").json()) == 4
    for action in ("load", "unload"):
        reply = httpx.post(f"{unchanged.url}/v2/repository/any/models/double/{action}")
        assert reply.status_code == 501
        assert reply.json() == {"error": "'repository_name' specification is not supported"}


def test_a_load_that_hangs_holds_up_no_other_model(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    config = 'input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }'
    source = f"""
    import pathlib, time
    class Model:
        def load(self, context):
            pathlib.Path({str(tmp_path / "entered")!r}).touch()
            while not pathlib.Path({str(tmp_path / "open")!r}).exists():
                time.sleep(0.01)
        def execute(self, request):
            return {{"y": request.inputs["x"]}}
    """
    python_models.add_model(tmp_path, "hangs", config, source)
    with running(tmp_path, model_control_mode="explicit") as server, ThreadPoolExecutor() as pool:
        repository = f"{server.url}/v2/repository/models"
        hanging = pool.submit(httpx.post, f"{repository}/hangs/load", timeout=60)
        wait_for(tmp_path / "entered")
        for action in ("load", "load", "unload", "load"):
            assert httpx.post(f"{repository}/double/{action}", timeout=30).status_code == 200
        assert not hanging.done()
        (tmp_path / "open").touch()
        assert hanging.result().status_code == 200


def test_a_reason_that_is_no_text_breaks_no_index(tmp_path: Path) -> None:
    """Half of a surrogate pair, as the names of files may have, can be written in no protocol."""
    tiny_models.add_double(tmp_path)
    python_models.add_model(tmp_path, "odd", "", "raise ValueError('no file \\udcff')")
    with running(tmp_path, model_control_mode="explicit") as server:
        repository = f"{server.url}/v2/repository"
        refused = httpx.post(f"{repository}/models/odd/load", json={"parameters": {"config": ODD_CONFIG}})
        assert "no file ?" in refused.json()["error"]
        rows = {row["name"]: row.get("reason", "") for row in httpx.post(f"{repository}/index").json()}
        assert "no file ?" in rows["odd"]
        bad = '{"parameters": {"config": "{\\"parameters\\": \\"\\\\ud800\\"}"}}'
        assert httpx.post(f"{repository}/models/double/load", content=bad).status_code == 400


@pytest.mark.parametrize("filename", ["/etc/passwd", "/no/such/file", "../../double/1/model.onnx"])
def test_no_file_outside_the_version_is_looked_at(unchanged: RunningServer, filename: str) -> None:
    config = json.dumps({"backend": "onnxruntime", "default_model_filename": filename})
    reply = httpx.post(f"{unchanged.url}/v2/repository/models/other/load", json={"parameters": {"config": config}})
    assert reply.status_code == 400
    assert reply.json()["error"].endswith("default_model_filename must be the name of a file in the version's folder")
