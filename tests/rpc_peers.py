"""A gRPC server of a test's own methods, and a caller that does over HTTP/2 what no client would."""

import asyncio
import gc
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from h2.config import H2Configuration
from h2.connection import ConnectionState, H2Connection
from h2.events import DataReceived, Event, PingAckReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

from serving.listening import listen, port_of
from serving.transports.grpc.rpc_connection import RpcConnection
from serving.transports.grpc.rpc_server import RpcServer

SERVICE = "test.Service"
ASK = f"/{SERVICE}/Ask"


@dataclass(frozen=True)
class Served:
    server: RpcServer
    host: str
    port: int

    @property
    def address(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def connections(self) -> list[RpcConnection]:
        return list(self.server._connections)

    @property
    def calls(self) -> int:
        """That are not over."""
        return sum(len(connection._calls) for connection in self.connections)

    def channel(self, *options: tuple[str, int | str]) -> grpc.aio.Channel:
        """A connection of its own."""
        sizes = (("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1))
        return grpc.aio.insecure_channel(self.address, [("grpc.use_local_subchannel_pool", 1), *sizes, *options])


@asynccontextmanager
async def served(host: str = "127.0.0.1", tls: Any = None, **methods: Any) -> AsyncIterator[Served]:
    """Until the block ends: then no call is left, and nothing went wrong that nobody caught."""
    async with serving(RpcServer(), host, tls, **methods) as each:
        yield each


@asynccontextmanager
async def serving(server: RpcServer, host: str = "127.0.0.1", tls: Any = None, **methods: Any) -> AsyncIterator[Served]:
    loop, uncaught = asyncio.get_running_loop(), list[dict[str, Any]]()
    loop.set_exception_handler(lambda _, context: uncaught.append(context))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, methods)])
    listening = listen(host, 0, "--grpc-port")
    await server.start(listening, tls)
    try:
        yield Served(server, host, port_of(listening))
    finally:
        await server.stop()
        await eventually(lambda: not running_calls(), "every call's task ends")
        assert server.connections == 0
        assert repr(server._lookout) == "<Lookout 0 unanswered>"
        gc.collect(1)  # what the block made is young; all there is takes seconds in a large suite
        await asyncio.sleep(0)
        assert not uncaught, uncaught


def running_calls() -> list[Any]:
    coroutines = (task.get_coro() for task in asyncio.all_tasks())
    return [each for each in coroutines if getattr(each, "__qualname__", "") == "Call._run"]


def failures(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    """Without what other servers of this process say of their event loops."""
    return [each for each in caplog.records if each.levelno >= logging.ERROR]


async def eventually(condition: Callable[[], object], what: str = "it never came") -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)


def message(data: bytes, flag: int = 0) -> bytes:
    return bytes((flag,)) + len(data).to_bytes(4, "big") + data


@dataclass
class Reply:
    """`reset` is the code of an end that is no answer."""

    head: dict[str, str]
    trailers: dict[str, str]
    data: bytearray = field(default_factory=bytearray)
    is_over: bool = False
    reset: int | None = None

    @property
    def status(self) -> int:
        return int({**self.head, **self.trailers}["grpc-status"])

    @property
    def text(self) -> str:
        return {**self.head, **self.trailers}["grpc-message"]


@asynccontextmanager
async def peer_of(server: Served, greets: bool = True) -> AsyncIterator["Peer"]:
    peer = Peer(*await asyncio.open_connection(server.host, server.port))
    if greets:
        peer.http2.initiate_connection()
        await peer.send()
    try:
        yield peer
    finally:
        peer.writer.transport.abort()
        with suppress(ConnectionError):
            await peer.writer.wait_closed()


class Peer:
    """It reads when it is told to, and lets more come where `is_reading`."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.http2 = H2Connection(H2Configuration(header_encoding="utf-8"))
        self.is_reading = True
        self.events: list[Event] = []
        self.replies: dict[int, Reply] = {}
        self.is_closed = False
        self._rest = b""

    def ask(self, path: str = ASK, body: bytes | None = None, method: str = "POST", **fields: str) -> int:
        """The stream; `body` is all that is said, without it more follows. Nothing is sent yet."""
        stream = self.http2.get_next_available_stream_id()
        given = {"content_type": "application/grpc", "te": "trailers", **fields}
        pseudo = [(":method", method), (":scheme", "http"), (":path", path), (":authority", "x")]
        self.http2.send_headers(stream, pseudo + [(name.replace("_", "-"), each) for name, each in given.items()])
        if body is not None:
            self.http2.send_data(stream, body, end_stream=True)
        self.replies[stream] = Reply({}, {})
        return stream

    async def send(self, *raw: bytes) -> None:
        """What was said, in one piece."""
        if data := self.http2.data_to_send() + b"".join(raw):
            self.writer.write(data)
            await self.writer.drain()

    async def pour(self, stream: int, body: bytes) -> None:
        """A body of any size, and its end."""
        view = memoryview(body)
        while view:
            size = min(len(view), self.http2.local_flow_control_window(stream), self.http2.max_outbound_frame_size)
            if size:
                self.http2.send_data(stream, bytes(view[:size]))
                view = view[size:]
                await self.send()
            else:
                await self.hear()
        self.http2.end_stream(stream)
        await self.send()

    async def hear(self) -> Sequence[Event]:
        """What comes next."""
        data = await asyncio.wait_for(self.reader.read(2**20), 30)
        self.is_closed = not data
        events = [event for frame in self._frames(data) for event in self.http2.receive_data(frame)]
        self.events += events
        for event in events:
            self._note(event)
        with suppress(ConnectionError):
            await self.send()
        return events

    def _frames(self, data: bytes) -> Iterator[bytes]:
        """One by one, since the library takes a server that says goodbye for one that is gone."""
        data, at = self._rest + data, 0
        while len(data) >= (end := at + 9 + int.from_bytes(data[at : at + 3], "big")):
            yield data[at:end]
            at = end
            if self.http2.state_machine.state is ConnectionState.CLOSED:
                self.http2.state_machine.state = ConnectionState.CLIENT_OPEN
        self._rest = data[at:]

    async def reply(self, stream: int) -> Reply:
        """Once all of it is there."""
        while not self.replies[stream].is_over:
            await self.hear()
            assert not self.is_closed
        return self.replies[stream]

    async def heard(self, kind: type[Event]) -> Any:
        """The first of that kind, which may have come already."""
        while True:
            for event in self.events:
                if isinstance(event, kind):
                    return event
            await self.hear()
            assert not self.is_closed

    async def fence(self) -> None:
        """Returns when the server has done all that can be done about what was said."""
        for _ in range(5):
            self.http2.ping(bytes(8))
            await self.send()
            while not any(isinstance(event, PingAckReceived) for event in await self.hear()):
                pass

    async def closed(self) -> None:
        """Returns when the server has ended the connection."""
        with suppress(ConnectionError):
            while not self.is_closed:
                await self.hear()

    def _note(self, event: Event) -> None:
        reply = self.replies.get(getattr(event, "stream_id", 0) or 0)
        if reply is None:
            return
        match event:
            case ResponseReceived():
                reply.head = dict(event.headers or [])  # type: ignore[arg-type]
            case TrailersReceived():
                reply.trailers = dict(event.headers or [])  # type: ignore[arg-type]
            case DataReceived():
                reply.data += event.data or b""
                if self.is_reading and event.flow_controlled_length:
                    self.http2.acknowledge_received_data(event.flow_controlled_length, event.stream_id or 0)
            case StreamReset():
                reply.reset = None if reply.is_over else int(event.error_code or 0)
                reply.is_over = True
            case StreamEnded():
                reply.is_over = True
