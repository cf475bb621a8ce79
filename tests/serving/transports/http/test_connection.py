import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import uvicorn

from serving.transports.busy_poll import BusyPoll
from serving.transports.http.connection import Connection
from serving.transports.http.leaving import Leaving
from serving.transports.http.tensor_request import Body, Headers, Pieces, Send, Target, target_of
from serving.transports.http.watch import DEFAULT_LIMITS
from tests.running_server import RunningServer

BODY = json.dumps({"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}).encode()
POST = b"POST /v2/models/double/infer HTTP/1.1\r\nHost: x\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
LIVE = b"GET /v2/health/live HTTP/1.1\r\nHost: x\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@contextmanager
def connected(server: RunningServer) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as connection:
        yield connection
    assert httpx.get(f"{server.url}/v2/health/live").status_code == 200


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def read_reply(connection: socket.socket) -> tuple[bytes, bytes]:
    """Status line, and a body of the announced length."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    while len(body) < length:
        body += some(connection)
    return head.partition(b"\r\n")[0], body


def some(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    assert part, "the connection ended before the reply"
    return part


def error_of(received: bytes) -> tuple[bytes, str]:
    """Of the last reply on a connection."""
    head, _, body = received.rpartition(b"\r\n\r\n")
    assert b"connection: close" in head
    return head.rpartition(b"HTTP/1.1 ")[2][:3], json.loads(body)["error"]


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /",
        LIVE + b"X-Endless: ",
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\nX-Trailer: ",
    ],
    ids=["path", "header", "trailer"],
)
def test_what_has_no_end_is_refused_before_it_fills_the_memory(tiny_server: RunningServer, begun: bytes) -> None:
    sent = 0
    with connected(tiny_server) as connection:
        connection.sendall(begun)
        try:
            while sent < 64 * 1024 * 1024:
                sent += connection.send(b"a" * 16384)
            pytest.fail("it was all taken")
        except ConnectionError:
            pass


def test_a_head_that_is_too_large_is_told_so(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.sendall((LIVE + b"X-Large: ").ljust(65536 + 1, b"a"))  # it hangs up on nothing unread
        status, message = error_of(read_all(connection))
        assert status == b"431"
        assert "larger than the server accepts, 65536 bytes" in message


def test_what_is_no_http_is_told_so(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.sendall(b"\x16\x03\x01\x02\x00")  # how TLS begins
        status, message = error_of(read_all(connection))
        assert status == b"400"
        assert "not HTTP/1.1" in message


def test_a_proxy_it_is_not(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.sendall(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n")
        assert error_of(read_all(connection))[0] == b"405"


def test_a_connection_that_is_to_close_closes_whatever_it_offers(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.sendall(LIVE + b"Connection: close, Upgrade\r\nUpgrade: h2c\r\n\r\n")
        assert read_all(connection).count(b"HTTP/1.1 200") == 1


@pytest.mark.parametrize("pause", [0, 1], ids=["at once", "body later"])
def test_an_offer_to_upgrade_is_passed_over(tiny_server: RunningServer, pause: int) -> None:
    with connected(tiny_server) as connection:
        for _ in range(2):  # the connection goes on
            connection.sendall(POST + LENGTH + UPGRADE + b"\r\n" + (b"" if pause else BODY))
            if pause:
                assert httpx.get(f"{tiny_server.url}/v2/health/live").status_code == 200, "the head was read by now"
                connection.sendall(BODY)
            status, body = read_reply(connection)
            assert status == b"HTTP/1.1 200 OK"
            assert json.loads(body)["outputs"][0]["data"] == [2, 4, 6, 8]


def test_a_body_that_is_itself_a_request_stays_a_body(tiny_server: RunningServer) -> None:
    body = LIVE + b"\r\n"
    with connected(tiny_server) as connection:
        connection.sendall(POST + b"Content-Length: %d\r\n" % len(body) + UPGRADE + b"\r\n" + body)
        status, _ = read_reply(connection)
        assert status == b"HTTP/1.1 400 Bad Request"
        connection.sendall(LIVE + b"Connection: close\r\n\r\n")
        assert read_all(connection).count(b"HTTP/1.1 200") == 1


def test_what_follows_a_whole_request_costs_it_no_reply(tiny_server: RunningServer) -> None:
    with connected(tiny_server) as connection:
        connection.sendall(POST + LENGTH + b"\r\n" + BODY + b"}}}")
        received = read_all(connection)
        assert received.count(b"HTTP/1.1 ") == 1
        assert b"[2.0,4.0,6.0,8.0]" in received


class Lone(BusyPoll):
    """For which everybody is."""

    def asked(self) -> bool:
        super().asked()
        return True


class OwnWay:
    """A `Way` that answers those who are lone at once, and others in the loop's next turn."""

    def target(self, method: bytes, url: bytes, headers: Headers) -> Target | None:
        return target_of(method, url, headers, 1000)

    def body(self, _: Target) -> Body:
        return Pieces()

    def ask(self, _: Target, __: Any, send: Send, is_lone: bool = False) -> "Promise | bool":
        answer = partial(send, 200, [(b"content-length", b"0")], [])
        if is_lone:
            answer()
            return True
        asyncio.get_running_loop().call_soon(answer)
        return Promise()


class Promise:
    def done(self) -> bool:
        return False

    cancelled = done

    def leave(self) -> None: ...

    def cancel(self, **_: object) -> bool:
        return False


async def slow(_: object, __: object, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    await asyncio.sleep(2.5)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body"})


@asynccontextmanager
async def lone_caller(leaving: Leaving) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    protocol: Any = partial(Connection, fast_path=OwnWay(), busy_poll=Lone(), leaving=leaving, limits=DEFAULT_LIMITS)
    options: Any = {"http": protocol, "lifespan": "off", "log_config": None}
    server = uvicorn.Server(uvicorn.Config(slow, **options, timeout_keep_alive=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = asyncio.create_task(server.serve([listening]))
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        yield reader, writer
        writer.close()
        server.should_exit = True
        await serving


async def test_who_is_answered_at_once_may_wait_long_for_what_came_with_it() -> None:
    async with lone_caller(Leaving()) as (reader, writer):
        writer.write(POST + LENGTH + b"\r\n" + BODY + LIVE + b"\r\n")
        for _ in range(2):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")


async def test_who_is_answered_at_once_while_the_server_leaves_gets_the_answer_to_what_came_with_it() -> None:
    leaving = Leaving()
    leaving.has_begun = True
    async with lone_caller(leaving) as (reader, writer):
        writer.write((POST + LENGTH + b"\r\n" + BODY) * 2)
        for _ in range(2):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200")
