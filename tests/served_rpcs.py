"""The RPCs that a server offers, as it says itself."""

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha import reflection_pb2 as messages
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub


def served_rpcs(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> Iterator[str]:
    """Their full names, as a call has them."""
    for service in _ask(channel, metadata, list_services="").list_services_response.service:
        answer = _ask(channel, metadata, file_containing_symbol=service.name)
        for content in answer.file_descriptor_response.file_descriptor_proto:
            file = FileDescriptorProto.FromString(content)
            for each in file.service:
                if f"{file.package}.{each.name}" == service.name:
                    yield from (f"/{service.name}/{method.name}" for method in each.method)


def _ask(channel: grpc.Channel, metadata: tuple[tuple[str, str], ...], **question: str) -> Any:
    asked = iter([messages.ServerReflectionRequest(**question)])
    [answer] = ServerReflectionStub(channel).ServerReflectionInfo(asked, metadata=metadata, timeout=30)
    return answer
