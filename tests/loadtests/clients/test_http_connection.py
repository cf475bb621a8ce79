import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
import uvloop

from loadtests.clients.http_connection import HttpConnection
from loadtests.outcomes import NO_ANSWER


@asynccontextmanager
async def connected(reply: bytes, hold: bool = True) -> AsyncIterator[HttpConnection]:
    """To a peer that answers whatever comes with `reply`, and then hangs up unless it is to `hold`."""

    over = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(reply)
        if hold:
            with suppress(ConnectionError):
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        over.set()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as peer:
        port = peer.sockets[0].getsockname()[1]
        _, connection = await asyncio.get_running_loop().create_connection(HttpConnection, "127.0.0.1", port)
        yield connection
        connection.close()
        await over.wait()


@pytest.mark.parametrize(
    ("reply", "usable"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok", True),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", False),
    ],
)
async def test_a_connection_is_used_again_as_the_server_says(reply: bytes, usable: bool) -> None:
    async with connected(reply) as connection:
        answer, begun = await connection.ask(b"GET / HTTP/1.1\r\n\r\n", timeout=10)
        assert (answer.status, begun, connection.usable) == (200, True, usable)


@pytest.mark.parametrize(
    ("reply", "word"),
    [(b"hello", "no HTTP"), (b"", "broke"), (b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", "broke")],
)
async def test_what_is_no_whole_answer_loses_the_request(reply: bytes, word: str) -> None:
    async with connected(reply, hold=False) as connection:
        answer, _ = await connection.ask(b"GET / HTTP/1.1\r\n\r\n", timeout=10)
        assert answer.status == NO_ANSWER
        assert word in answer.message
        assert not connection.usable


def test_a_connection_that_broke_before_it_was_used_gives_no_answer() -> None:
    async def ask() -> tuple[int, bool]:
        async with await asyncio.start_server(lambda _, writer: writer.transport.abort(), "127.0.0.1", 0) as peer:
            port = peer.sockets[0].getsockname()[1]
            _, connection = await asyncio.get_running_loop().create_connection(HttpConnection, "127.0.0.1", port)
            while connection.usable:
                await asyncio.sleep(0)
            reply, begun = await connection.ask(b"GET / HTTP/1.1\r\n\r\n", 1)
            return reply.status, begun

    assert uvloop.run(ask()) == (NO_ANSWER, False)


async def test_a_connection_that_closes_is_not_kept_for_another_try() -> None:
    async with connected(b"") as connection:
        assert connection._transport is not None
        connection._transport.abort()  # of which the connection is told later
        reply, _ = await connection.ask(b"GET / HTTP/1.1\r\n\r\n", 1)
        assert (reply.status, connection.usable) == (NO_ANSWER, False)
