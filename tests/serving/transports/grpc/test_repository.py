import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2 as messages

from tests import tiny_models
from tests.grpc_client import output, request, stub_of
from tests.running_server import RunningServer, running


@pytest.fixture(scope="module")
def explicit_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("explicit")
    tiny_models.add_double(root)
    tiny_models.add_add_sub(root)
    tiny_models.add_double(root, "broken")
    (root / "broken" / "1" / "model.onnx").write_bytes(b"no model")
    with running(root, model_control_mode="explicit", load_model=("simple", "nope")) as server:
        yield server


def index(server: RunningServer, ready: bool = False) -> dict[tuple[str, str], tuple[str, str]]:
    with stub_of(server) as stub:
        rows = stub.RepositoryIndex(messages.RepositoryIndexRequest(ready=ready)).models
    return {(row.name, row.version): (row.state, row.reason) for row in rows}


def refusal(server: RunningServer, method: str, message: Any) -> tuple[grpc.StatusCode, str]:
    with stub_of(server) as stub, pytest.raises(grpc.RpcError) as error:
        getattr(stub, method)(message)
    return error.value.code(), error.value.details()


def load(name: str, **parameters: dict[str, Any]) -> messages.RepositoryModelLoadRequest:
    message = messages.RepositoryModelLoadRequest(model_name=name)
    for parameter, choice in parameters.items():
        message.parameters[parameter].CopyFrom(messages.ModelRepositoryParameter(**choice))
    return message


def test_load_and_unload(explicit_server: RunningServer) -> None:
    assert index(explicit_server)["double", ""] == ("", ""), "nobody tried to load it"
    assert index(explicit_server, ready=True) == {("simple", "1"): ("READY", "")}
    with client.InferenceServerClient(explicit_server.grpc_address) as triton:
        triton.load_model("double")
        assert triton.is_model_ready("double")
        assert index(explicit_server)["double", "1"] == ("READY", "")
        triton.unload_model("double")
        assert not triton.is_model_ready("double")


def test_a_model_is_loaded_with_another_config_and_other_files(explicit_server: RunningServer, tmp_path: Path) -> None:
    tiny_models.write_onnx(tmp_path / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Neg(x) }")
    config = {
        "backend": "onnxruntime",
        "max_batch_size": 3,
        "input": [{"name": "x", "data_type": "TYPE_FP32", "dims": [4]}],
        "output": [{"name": "y", "data_type": "TYPE_FP32", "dims": [4]}],
    }
    files = {"file:2/model.onnx": (tmp_path / "model.onnx").read_bytes()}
    with client.InferenceServerClient(explicit_server.grpc_address) as triton, stub_of(explicit_server) as stub:
        triton.load_model("negative", config=json.dumps(config), files=files)
        assert triton.get_model_config("negative").config.max_batch_size == 3
        response = stub.ModelInfer(request("negative", x=[[1, 2, 3, 4]]))
        assert (response.model_version, output(response)) == ("2", [-1, -2, -3, -4])
        triton.unload_model("negative")


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        (load(""), grpc.StatusCode.INVALID_ARGUMENT, "Model name cannot be empty"),
        (load("../double"), grpc.StatusCode.INVALID_ARGUMENT, "path traversal"),
        (load("nope"), grpc.StatusCode.INTERNAL, "failed to load 'nope', failed to poll from model repository"),
        (load("broken"), grpc.StatusCode.INVALID_ARGUMENT, "load failed for model 'broken'"),
        (
            load("double", config={"int64_param": 1}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "invalid value type for load parameter 'config', expected string_param.",
        ),
        (
            load("double", **{"file:1/model.onnx": {"string_param": ""}}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "invalid value type for load parameter 'file:1/model.onnx', expected bytes_param.",
        ),
        (
            load("double", **{"file:1/model.onnx": {"bytes_param": b""}}),
            grpc.StatusCode.INTERNAL,
            "'config' must be specified",
        ),
        (load("double", config={"string_param": "{"}), grpc.StatusCode.INTERNAL, "Invalid config override"),
        (
            load("double", mood={"bool_param": True}),
            grpc.StatusCode.INVALID_ARGUMENT,
            "unrecognized load parameter 'mood'",
        ),
    ],
)
def test_a_wrong_load_is_refused(
    explicit_server: RunningServer,
    message: messages.RepositoryModelLoadRequest,
    code: grpc.StatusCode,
    words: str,
) -> None:
    found, details = refusal(explicit_server, "RepositoryModelLoad", message)
    assert (found, words in details) == (code, True), details


def test_unloading_what_is_not_there_is_fine_and_a_wrong_parameter_is_not(explicit_server: RunningServer) -> None:
    message = messages.RepositoryModelUnloadRequest(model_name="nope")
    with stub_of(explicit_server) as stub:
        stub.RepositoryModelUnload(message)
    message.parameters["unload_dependents"].string_param = "yes"
    assert refusal(explicit_server, "RepositoryModelUnload", message) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "invalid value type for unload parameter 'unload_dependents', expected bool_param.",
    )


@pytest.mark.parametrize("method", ["RepositoryIndex", "RepositoryModelLoad", "RepositoryModelUnload"])
def test_there_are_no_named_repositories(explicit_server: RunningServer, method: str) -> None:
    message = getattr(messages, f"{method}Request")(repository_name="other")
    assert refusal(explicit_server, method, message) == (
        grpc.StatusCode.UNIMPLEMENTED,
        "'repository_name' specification is not supported",
    )


@pytest.mark.parametrize("method", ["RepositoryModelLoad", "RepositoryModelUnload"])
def test_control_is_refused_unless_it_was_switched_on(tiny_server: RunningServer, method: str) -> None:
    code, details = refusal(tiny_server, method, getattr(messages, f"{method}Request")(model_name="double"))
    assert code == grpc.StatusCode.UNAVAILABLE
    assert "explicit model load / unload is not allowed" in details


def test_a_failed_reload_leaves_the_old_model_serving(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, model_control_mode="explicit", load_model=("*",)) as server, stub_of(server) as stub:
        shutil.rmtree(tmp_path / "double" / "1")
        code, _ = refusal(server, "RepositoryModelLoad", load("double"))
        assert code == grpc.StatusCode.INVALID_ARGUMENT
        assert output(stub.ModelInfer(request("double", x=[[1, 2, 3, 4]]))) == [2, 4, 6, 8]
