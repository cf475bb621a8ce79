from pathlib import Path

import grpc
import pytest
import tritonclient.grpc as client
from tritonclient.grpc import service_pb2 as messages

from serving import __version__
from tests import tiny_models
from tests.grpc_client import stub_of
from tests.running_server import RunningServer, running


def test_the_servers_health_and_metadata(tiny_server: RunningServer) -> None:
    with client.InferenceServerClient(tiny_server.grpc_address) as triton:
        assert triton.is_server_live()
        assert triton.is_server_ready()
        metadata = triton.get_server_metadata()
    assert (metadata.name, metadata.version) == ("triton", __version__)
    assert "statistics" in metadata.extensions


def test_a_models_metadata(tiny_server: RunningServer) -> None:
    with stub_of(tiny_server) as stub:
        newest = stub.ModelMetadata(messages.ModelMetadataRequest(name="affine"))
        named = stub.ModelMetadata(messages.ModelMetadataRequest(name="affine", version="1"))
    assert newest == named
    assert (newest.name, list(newest.versions), newest.platform) == ("affine", ["1"], "pytorch_libtorch")
    assert [(spec.name, spec.datatype, list(spec.shape)) for spec in newest.inputs] == [("x", "FP32", [-1, 3])]
    assert [spec.name for spec in newest.outputs] == ["y", "total"]


def test_every_ready_version_is_listed(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="version_policy { all { } }")
    (tmp_path / "double" / "3").mkdir()
    (tmp_path / "double" / "3" / "model.onnx").write_bytes((tmp_path / "double" / "1" / "model.onnx").read_bytes())
    with running(tmp_path) as server, stub_of(server) as stub:
        assert list(stub.ModelMetadata(messages.ModelMetadataRequest(name="double")).versions) == ["1", "3"]


def test_a_models_config_is_the_completed_one(tiny_server: RunningServer) -> None:
    with stub_of(tiny_server) as stub:
        config = stub.ModelConfig(messages.ModelConfigRequest(name="double", version="1")).config
    assert (config.name, config.backend, config.max_batch_size) == ("double", "onnxruntime", 8)
    assert config.instance_group[0].count == 1
    assert config.HasField("dynamic_batching")


@pytest.mark.parametrize(("name", "version", "ready"), [("double", "", True), ("double", "2", False), ("x", "", False)])
def test_readiness_of_a_model_is_never_an_error(
    tiny_server: RunningServer, name: str, version: str, ready: bool
) -> None:
    with client.InferenceServerClient(tiny_server.grpc_address) as triton:
        assert triton.is_model_ready(name, version) is ready


@pytest.mark.parametrize("method", ["ModelMetadata", "ModelConfig", "ModelStatistics"])
@pytest.mark.parametrize(
    ("name", "version", "code"),
    [
        ("nope", "", grpc.StatusCode.INVALID_ARGUMENT),
        ("double", "2", grpc.StatusCode.NOT_FOUND),
        ("double", "-1", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_wrong_models_and_versions(
    tiny_server: RunningServer, method: str, name: str, version: str, code: grpc.StatusCode
) -> None:
    message = getattr(messages, f"{method}Request")(name=name, version=version)
    with stub_of(tiny_server) as stub, pytest.raises(grpc.RpcError) as error:
        getattr(stub, method)(message)
    assert error.value.code() == code
