from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from serving.errors import InvalidInput
from serving.transports.grpc.service import NAME, add_service

METHODS = [name for name in vars(GRPCInferenceServiceStub(grpc.insecure_channel("127.0.0.1:1"))) if name[0] != "_"]


def test_its_methods_are_those_of_tritons_client() -> None:
    added: dict[str, Any] = {}
    server = SimpleNamespace(
        add_generic_rpc_handlers=lambda _: None,
        add_registered_method_handlers=lambda _, handlers: added.update(handlers),
    )
    add_service(server, dict.fromkeys(METHODS, lambda *_: None))  # type: ignore[arg-type]
    assert NAME == "inference.GRPCInferenceService"
    assert list(added) == METHODS
    assert len(METHODS) == 20
    assert [name for name, handler in added.items() if handler.request_streaming] == ["ModelStreamInfer"]
    read = added["ModelInfer"].request_deserializer
    assert read(messages.ModelInferRequest(id="7").SerializeToString()).id == "7"
    assert isinstance(read(b"\xff"), InvalidInput)


def test_every_method_must_have_what_answers_it() -> None:
    with pytest.raises(KeyError):
        add_service(SimpleNamespace(), {})
