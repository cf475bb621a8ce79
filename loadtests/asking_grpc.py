"""What a server says of its models over gRPC. Rule: told as its HTTP documents tell it."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import grpc
from tritonclient.grpc import service_pb2 as messages
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from loadtests.asking import UNTRUSTED, WHO_ASKS, CannotTest, one_of
from loadtests.call import Header
from loadtests.clients.grpc import PORT
from loadtests.clients.said import shortened
from loadtests.clients.trust import Trust, channel_credentials
from serving.core import proto_json

_TIMEOUT = 10.0  # seconds
_OPTIONS = (("grpc.max_receive_message_length", -1),)


class GrpcServer:
    """For one thread. Raises `CannotTest` throughout."""

    def __init__(self, url: str, headers: Sequence[Header], trust: Trust) -> None:
        address = urlsplit(url)
        place = f"{address.hostname or 'localhost'}:{address.port or PORT}"
        self._url = url
        self._metadata = tuple((name.lower(), value) for name, value in headers)
        if address.scheme == "grpcs":
            credentials, options = channel_credentials(trust, address)
            channel = grpc.secure_channel(place, credentials, [*_OPTIONS, *options])
        else:
            channel = grpc.insecure_channel(place, _OPTIONS)
        self._stub = GRPCInferenceServiceStub(channel)

    def greet(self) -> None:
        with suppress(_Unknown):
            self._ask("ServerLive", messages.ServerLiveRequest())

    def only_model(self) -> str:
        try:
            index = self._ask("RepositoryIndex", messages.RepositoryIndexRequest(ready=True))
        except _Unknown:
            raise CannotTest(f"{self._url} does not say which models it has: give --model NAME") from None
        return one_of(self._url, {model.name for model in index.models if model.state in ("READY", "")})

    def metadata(self, model: str) -> Any:
        found = self._ask("ModelMetadata", messages.ModelMetadataRequest(name=model))
        return proto_json.to_json(found)

    def config(self, model: str) -> Any:
        """{} where the server tells none."""
        try:
            found = self._ask("ModelConfig", messages.ModelConfigRequest(name=model))
        except _Unknown:
            return {}
        return proto_json.to_json(found.config)

    def statistics(self, model: str) -> Any:
        """As /v2/models/M/stats has them."""
        return proto_json.to_json(self._ask("ModelStatistics", messages.ModelStatisticsRequest(name=model)))

    def server(self) -> Any:
        return proto_json.to_json(self._ask("ServerMetadata", messages.ServerMetadataRequest()))

    def _ask(self, rpc: str, message: Any) -> Any:
        try:
            return getattr(self._stub, rpc)(message, timeout=_TIMEOUT, metadata=self._metadata)
        except grpc.RpcError as error:
            raise self._wrong(rpc, error) from None

    def _wrong(self, rpc: str, error: Any) -> CannotTest:
        code, words = error.code(), shortened(error.details() or "")
        if code is grpc.StatusCode.UNIMPLEMENTED:
            return _Unknown(f"{self._url} has no {rpc}: {words}")
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED):
            return CannotTest(f"{self._url} wants to know who asks ({code.name}): {WHO_ASKS}")
        if "CERTIFICATE_VERIFY_FAILED" in words or "Hostname Verification" in words:
            return CannotTest(f"{self._url} shows a certificate that is not trusted: {UNTRUSTED}")
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            return CannotTest(
                f"no gRPC server answers at {self._url}: {words}. Is it running, and is this its gRPC port? `slipway "
                f"serve` listens on {PORT}"
            )
        return CannotTest(f"{self._url} answered {rpc} with {code.name}: {words}")


class _Unknown(CannotTest):
    """The server does not know that call."""
