"""Triton's service as grpc takes it: every method of grpc_service.proto with what answers it.

Rule: bytes that are no message reach whoever answers, as an error; grpc itself would log a traceback for each.
"""

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from tritonclient.grpc import service_pb2

from serving.errors import InvalidInput

_DESCRIPTOR = service_pb2.DESCRIPTOR.services_by_name["GRPCInferenceService"]

Rpc = Callable[[Any, Any], Coroutine[Any, Any, Any]]
"""As grpc takes it: the message or messages, and the context."""

NAME: str = _DESCRIPTOR.full_name


def add_service(server: Any, rpcs: Mapping[str, Rpc]) -> None:
    """`rpcs` has every method's; each gets a message, or an iterator of messages, or in their place `InvalidInput`."""
    handlers = {method.name: _handler(method, rpcs[method.name]) for method in _DESCRIPTOR.methods}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(NAME, handlers)])
    server.add_registered_method_handlers(NAME, handlers)


def _handler(method: Any, rpc: Rpc) -> Any:
    kind = grpc.stream_stream_rpc_method_handler if method.client_streaming else grpc.unary_unary_rpc_method_handler
    write = GetMessageClass(method.output_type).SerializeToString
    return kind(rpc, request_deserializer=_reader(GetMessageClass(method.input_type)), response_serializer=write)


def _reader(message: Any) -> Callable[[bytes], Any]:
    def read(data: bytes) -> Any:
        try:
            return message.FromString(data)
        except DecodeError as error:
            return InvalidInput(str(error))

    return read
