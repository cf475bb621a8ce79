"""Requests over gRPC, plain or encrypted.

Rule: messages are bytes, made before and not read after; an HTTP/2 connection that is busy is spared, since all that
it carries waits for one another.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import grpc

from loadtests.call import Call, Header
from loadtests.clients.client import Reply
from loadtests.clients.event_times import between
from loadtests.clients.said import shortened
from loadtests.clients.trust import Trust, channel_credentials
from loadtests.outcomes import NO_ANSWER, TIMED_OUT

PORT = 8001
_AT_ONCE = 8
"""Requests on a connection before another one is made."""
_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.use_local_subchannel_pool", 1),  # or else all channels would share a connection
    ("grpc.enable_retries", 0),  # a failure is told, not tried again
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
)
_ERROR = b"\x0a"
"""What a ModelStreamInferResponse with an error begins with: field 1, `error_message`."""

# As grpc-gateway translates them (its runtime/errors.go), but for RESOURCE_EXHAUSTED, which is a refusal.
_STATUSES = {
    grpc.StatusCode.OK: 200,
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNAUTHENTICATED: 401,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
}


@dataclass(slots=True, eq=False)
class _Line:
    """A channel, with one connection, and how many requests are on it."""

    channel: grpc.aio.Channel
    under_way: int = 0
    calls: dict[str, Any] = field(default_factory=dict)
    """By their full name. To make one for each request costs a quarter more (docs/experiments.md)."""

    def call(self, name: str, stream: bool) -> Any:
        found = self.calls.get(name)
        if found is None:
            make = self.channel.stream_stream if stream else self.channel.unary_unary
            found = self.calls[name] = make(name)
        return found


class GrpcClient:
    """For one event loop."""

    def __init__(self, url: str, headers: Sequence[Header], timeout: float, trust: Trust) -> None:
        """`timeout` in seconds is each request's deadline. Raises OSError for certificates that can't be read."""
        address = urlsplit(url)
        self._address = f"{address.hostname or 'localhost'}:{address.port or PORT}"
        self._credentials: grpc.ChannelCredentials | None = None
        self._options: list[tuple[str, str | int]] = [*_OPTIONS]
        if address.scheme == "grpcs":
            self._credentials, more = channel_credentials(trust, address)
            self._options += more
        self._headers = tuple((name.lower(), value) for name, value in headers)
        self._timeout = timeout
        self._lines: list[_Line] = []

    async def send(self, call: Call) -> Reply:
        line = self._free()
        line.under_way += 1
        begun = time.monotonic()
        try:
            return await (self._stream if call.stream else self._one)(line, call)
        except grpc.aio.AioRpcError as error:
            return self._failed(line.channel, error, time.monotonic() - begun)
        finally:
            line.under_way -= 1

    async def close(self) -> None:
        await asyncio.gather(*(line.channel.close() for line in self._lines))
        self._lines.clear()

    def _free(self) -> _Line:
        """The first with room, so that few requests share few connections."""
        for line in self._lines:
            if line.under_way < _AT_ONCE:
                return line
        line = _Line(self._channel())
        self._lines.append(line)
        return line

    def _channel(self) -> grpc.aio.Channel:
        if self._credentials is None:
            return grpc.aio.insecure_channel(self._address, self._options)
        return grpc.aio.secure_channel(self._address, self._credentials, self._options)

    async def _one(self, line: _Line, call: Call) -> Reply:
        await line.call(call.path, False)(call.body, timeout=self._timeout, metadata=self._metadata(call))
        return Reply(200)

    async def _stream(self, line: _Line, call: Call) -> Reply:
        """The request is the only one of its call, which ends when all is answered."""
        asked = line.call(call.path, True)(iter((call.body,)), timeout=self._timeout, metadata=self._metadata(call))
        times: list[float] = []
        async for message in asked:
            if message.startswith(_ERROR):
                asked.cancel()
                return Reply(500, message=_error(message))
            times.append(time.monotonic())
            if 0 < call.hang_up_after <= len(times):
                asked.cancel()
                break
        return Reply(200, times[0], len(times), between(times)) if times else Reply(200)

    def _metadata(self, call: Call) -> tuple[Header, ...]:
        return self._headers + call.headers if call.headers else self._headers

    def _failed(self, channel: grpc.aio.Channel, error: grpc.aio.AioRpcError, passed: float) -> Reply:
        code, message = error.code(), shortened(error.details() or error.code().name)
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and passed >= 0.99 * self._timeout:
            return Reply(TIMED_OUT, message=f"no answer within {self._timeout:g} s")
        if code is grpc.StatusCode.UNAVAILABLE and _is_broken(channel, message):
            return Reply(NO_ANSWER, message=f"no connection: {message}")
        return Reply(_STATUSES.get(code, 500), message=message)


def _is_broken(channel: grpc.aio.Channel, message: str) -> bool:
    """Whether it is the connection that is unavailable, and nobody refused the request. The channel may hear of it a
    moment after its calls, which say so in gRPC's own words."""
    return channel.get_state() is not grpc.ChannelConnectivity.READY or message.startswith("Stream removed")


def _error(message: bytes) -> str:
    from tritonclient.grpc.service_pb2 import ModelStreamInferResponse

    return shortened(ModelStreamInferResponse.FromString(message).error_message)
