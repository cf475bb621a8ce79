"""What "ready" means: the server alone or all its models, and a server that does not start without them."""

from pathlib import Path

import grpc
import httpx
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from serving.application import ModelsFailed
from tests import tiny_models
from tests.running_server import RunningServer, running


def is_ready(server: RunningServer) -> bool:
    """As everybody who can be asked says it."""
    with (
        httpclient.InferenceServerClient(server.address) as over_http,
        grpcclient.InferenceServerClient(server.grpc_address) as over_grpc,
        grpc.insecure_channel(server.grpc_address) as channel,
    ):
        health = health_pb2_grpc.HealthStub(channel).Check(HealthCheckRequest())
        said = {
            over_http.is_server_ready(),
            over_grpc.is_server_ready(),
            health.status == HealthCheckResponse.SERVING,
            httpx.get(f"{server.url}/v2/health/ready").status_code == 200,
        }
    (answer,) = said
    return answer


@pytest.fixture
def one_of_two(tmp_path: Path) -> Path:
    """Of the two models in it one can't be loaded."""
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "broken")
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"")
    return tmp_path


def test_a_model_that_fails_costs_the_server_its_readiness_only_where_that_was_asked_for(one_of_two: Path) -> None:
    with running(one_of_two) as server:
        assert is_ready(server)
    with running(one_of_two, strict_readiness=True) as server:
        assert not is_ready(server)


def test_a_model_that_was_unloaded_does_not_count_and_one_that_goes_on_does_not_either(one_of_two: Path) -> None:
    with running(one_of_two, model_control_mode="explicit", load_model=("*",), strict_readiness=True) as server:
        assert not is_ready(server)
        httpx.post(f"{server.url}/v2/repository/models/broken/unload").raise_for_status()
        assert is_ready(server)
        (one_of_two / "double" / "1" / "model.onnx").write_bytes(b"")
        assert httpx.post(f"{server.url}/v2/repository/models/double/load").status_code == 400
        assert is_ready(server)


def test_a_server_that_needs_all_its_models_does_not_start_without_one(one_of_two: Path) -> None:
    with (
        pytest.raises(ModelsFailed, match=r"broken 1: 'model\.onnx' is empty"),
        running(one_of_two, exit_on_error=True),
    ):
        pytest.fail("it started")
    (one_of_two / "broken").rename(one_of_two.parent / "elsewhere")
    with running(one_of_two, exit_on_error=True) as server:
        assert is_ready(server)


def test_a_name_to_load_that_the_repository_has_not_is_answered_with_what_it_has(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    settings = {"model_control_mode": "explicit", "exit_on_error": True}
    for name, has in (("duble", r"did you mean double\?"), ("zzz", "it has double")):
        with (
            pytest.raises(ModelsFailed, match=f"{name}: the repository has no folder of that name; {has}"),
            running(tmp_path, load_model=(name,), **settings),
        ):
            pytest.fail("it started")
