"""The door of gRPC, beyond who is let in (tests/integration/test_access.py): how much, and what is noted."""

import time
from collections.abc import Iterator

import grpc
import pytest
from tritonclient.grpc import service_pb2 as messages

from serving.access.keys import Key, digest_of
from serving.access.scope import Scope
from serving.settings import Access
from tests import tiny_models
from tests.grpc_client import request, stub_of
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_fast_path import ROW

OPS, PACED, ONE = (("authorization", "Bearer o"),), (("x-api-key", "p"),), (("x-api-key", "1"),)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("guarded")
    tiny_models.add_double(root)
    keys = (
        Key("ops", digest_of("o"), frozenset(Scope)),
        Key("paced", digest_of("p"), rate=10),
        Key("one", digest_of("1"), concurrency=1),
    )
    with running(root, access=Access(keys), model_control_mode="explicit", load_model=("double",)) as server:
        yield server


def test_a_streams_messages_wait_for_their_turn(server: RunningServer) -> None:
    with stub_of(server) as stub:
        asked = (request("double", str(number), x=ROW) for number in range(15))
        begin = time.monotonic()
        answers = list(stub.ModelStreamInfer(asked, metadata=PACED))
        seconds = time.monotonic() - begin
    assert [answer.infer_response.id for answer in answers] == [str(number) for number in range(15)]
    assert seconds > 0.4  # ten come at once, the others in tenths of a second: never sooner


def test_a_call_that_ended_gave_its_place_back_and_a_stream_keeps_it(server: RunningServer) -> None:
    with stub_of(server) as stub:
        for _ in range(3):
            stub.ModelInfer(request("double", x=ROW), metadata=ONE)
            with pytest.raises(grpc.RpcError):
                stub.ModelInfer(request("nope", x=ROW), metadata=ONE)
        stream = stub.ModelStreamInfer(iter([request("double", x=ROW)]), metadata=ONE)
        assert len(list(stream)) == 1
        stub.ModelMetadata(messages.ModelMetadataRequest(name="double"), metadata=ONE)


def test_who_changes_the_server_is_in_the_log(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    load = messages.RepositoryModelLoadRequest(model_name="double")
    with stub_of(server) as stub:
        stub.RepositoryModelLoad(load, metadata=OPS)
        for message, metadata in (
            (load, PACED),
            (load, ()),
            (messages.RepositoryModelLoadRequest(model_name="a\nb"), OPS),
        ):
            with pytest.raises(grpc.RpcError):
                stub.RepositoryModelLoad(message, metadata=metadata)

    def told() -> list[str]:
        return [record.getMessage() for record in caplog.records if record.name == "slipway.audit"]

    until(lambda: len(told()) == 4)  # a caller has its answer before
    assert told() == [
        "RepositoryModelLoad double by ops from 127.0.0.1: OK",
        "RepositoryModelLoad by paced from 127.0.0.1: PERMISSION_DENIED",
        "RepositoryModelLoad by no key from 127.0.0.1: UNAUTHENTICATED",
        "RepositoryModelLoad a?b by ops from 127.0.0.1: INVALID_ARGUMENT",
    ]


def test_calls_that_are_refused_are_counted(server: RunningServer) -> None:
    with stub_of(server) as stub, pytest.raises(grpc.RpcError):
        stub.ModelInfer(request("double", x=ROW))
    name = 'slipway_grpc_calls_total{code="UNAUTHENTICATED",method="ModelInfer"}'
    assert server.metric(name) == 1, [line for line in server.metrics().splitlines() if "grpc" in line]
