"""How the server starts and stops, and the services beside Triton's."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from tests import python_models, tiny_models
from tests.grpc_client import Conversation, channel_to, output, request, stub_of
from tests.running_server import RunningServer, running

HELD = "dynamic_batching { max_queue_delay_microseconds: 3600000000 }"
ROW = [[1, 2, 3, 4]]


def test_tools_may_ask_what_there_is(tiny_server: RunningServer) -> None:
    asked = [
        ServerReflectionRequest(list_services=""),
        ServerReflectionRequest(file_containing_symbol="inference.GRPCInferenceService"),
    ]
    with channel_to(tiny_server) as channel:
        services, file = ServerReflectionStub(channel).ServerReflectionInfo(iter(asked))
    assert {service.name for service in services.list_services_response.service} == {
        "inference.GRPCInferenceService",
        "grpc.health.v1.Health",
        "grpc.reflection.v1alpha.ServerReflection",
    }
    assert b"ModelStreamInfer" in file.file_descriptor_response.file_descriptor_proto[0]


def test_whoever_watches_its_health_is_told_when_it_stops(tmp_path: Path) -> None:
    with ExitStack() as outliving:
        with running(tmp_path) as server:
            stub = health_pb2_grpc.HealthStub(outliving.enter_context(channel_to(server)))
            watch = stub.Watch(HealthCheckRequest(service="inference.GRPCInferenceService"))
            assert next(watch).status == HealthCheckResponse.SERVING
        assert [response.status for response in watch] == [HealthCheckResponse.NOT_SERVING]


def test_stopping_answers_what_was_accepted(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=HELD)
    with ExitStack() as outliving, ThreadPoolExecutor(6) as pool:
        with running(tmp_path) as server:
            stub = outliving.enter_context(stub_of(server))
            single = [pool.submit(stub.ModelInfer, request("double", x=ROW)) for _ in range(3)]
            stream = stub.ModelStreamInfer(iter([request("double", x=ROW)] * 3))
            server.wait_for_pending("double", 6)
        answers = [*(call.result() for call in single), *(response.infer_response for response in stream)]
    assert [output(answer) for answer in answers] == [[2, 4, 6, 8]] * 6


def test_a_stream_whose_caller_says_nothing_more_does_not_hold_up_a_stop(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with ExitStack() as outliving:
        with running(tmp_path) as server:
            conversation = Conversation(outliving.enter_context(stub_of(server)))
            conversation.send(request("double", x=ROW))
            assert output(conversation.next().infer_response) == [2, 4, 6, 8]
        with pytest.raises(grpc.RpcError) as error:
            conversation.next()
        conversation.stop_sending()
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert error.value.details() == "GRPC server is shutting down and has stopped accepting new requests."


def test_what_outlives_the_servers_time_to_stop_is_told_so(tmp_path: Path) -> None:
    python_models.add_endless_tokens(tmp_path)
    with ExitStack() as outliving:
        with running(tmp_path, shutdown_timeout=1) as server:
            stub = outliving.enter_context(stub_of(server))
            responses = stub.ModelStreamInfer(iter([request("endless_tokens", START=np.array([0]))]))
            next(responses)
        with pytest.raises(grpc.RpcError) as error:
            list(responses)
    assert error.value.code() == grpc.StatusCode.UNAVAILABLE
    assert "Server exiting" in error.value.details()
    assert (tmp_path / "endless_tokens" / "1" / "closed").exists()
