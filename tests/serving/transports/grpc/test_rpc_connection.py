"""Connections of all sorts of callers, real clients' among them."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, PingReceived

from serving.transports.grpc.rpc_connection import RpcConnection
from serving.transports.grpc.rpc_limits import DEFAULT_LIMITS, RpcLimits
from serving.transports.grpc.rpc_server import RpcServer
from tests.rpc_peers import ASK, Peer, Served, eventually, message, peer_of, served, serving

WIDEST = 2**31 - 1
SOON = 0.05
TORRENT = "/test.Service/Torrent"

unary = grpc.unary_unary_rpc_method_handler
stream = grpc.stream_stream_rpc_method_handler


async def echo(message: bytes, _: Any) -> bytes:
    return message


async def sized(message: bytes, _: Any) -> bytes:
    """As many bytes as the message says."""
    return bytes(int(message))


async def torrent(_: Any, context: Any) -> None:
    while True:
        await context.write(bytes(100_000))


async def never(_: Any, __: Any) -> bytes:
    await asyncio.Event().wait()
    return b""


async def only(server: Served) -> RpcConnection:
    await eventually(lambda: server.connections)
    (connection,) = server.connections
    return connection


def limited(**limits: float) -> RpcServer:
    return RpcServer(RpcLimits(**limits))


async def stalled(server: Served, peer: Peer) -> tuple[int, RpcConnection]:
    """Of a caller that reads nothing, though much is said on the stream: more than sockets hold."""
    peer.http2.increment_flow_control_window(WIDEST - 65_535)
    asked = peer.ask(body=message(b"20000000"))
    peer.http2.increment_flow_control_window(WIDEST - 65_535, asked)
    peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await peer.send()
    connection = await only(server)
    await eventually(lambda: connection._http2.outgoing.is_held)
    return asked, connection


async def all_that_is_said(server: Served, words: bytes) -> bytes:
    """Until the server ends the connection, to somebody who says that."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    writer.write(words)
    said = b""
    with suppress(ConnectionError):
        said = await asyncio.wait_for(reader.read(), 30)
    writer.transport.abort()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return said


# who does not speak HTTP/2, or no gRPC


async def test_who_speaks_http_1_is_told_where_to_go() -> None:
    async with served(Ask=unary(echo)) as server:
        said = await all_that_is_said(server, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\n")
    assert body == b"this port takes gRPC, which is HTTP/2; the server's HTTP port takes HTTP/1.1\n"
    assert f"content-length: {len(body)}".encode() in head


@pytest.mark.parametrize("words", [b"\0" * 100, b"\x16\x03\x01\x02\x00\x01\x00", b"PRI * HTTP/2.0\r\n\r\nSN\r\n\r\n"])
async def test_garbage_ends_its_connection_and_nothing_else(words: bytes) -> None:
    async with served(Ask=unary(echo)) as server, server.channel() as channel:
        assert await channel.unary_unary(ASK)(b"a") == b"a"
        assert (await all_that_is_said(server, words)).endswith(b"takes HTTP/1.1\n")
        assert await channel.unary_unary(ASK)(b"b") == b"b"
        assert len(server.connections) == 1


async def test_garbage_after_a_greeting_is_told_why_it_ends_the_connection() -> None:
    cancelled = asyncio.Event()

    async def wait(_: bytes, __: Any) -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    async with served(Ask=unary(wait)) as server, peer_of(server) as peer:
        peer.ask(body=message(b""))
        await peer.send()
        await eventually(lambda: server.calls)
        await peer.fence()
        await peer.send(b"\xff" * 9)
        end = await peer.heard(ConnectionTerminated)
        assert end.error_code == ErrorCodes.FRAME_SIZE_ERROR
        assert end.additional_data == b"a frame of 16777215 bytes, above SETTINGS_MAX_FRAME_SIZE"
        await peer.closed()
        await cancelled.wait()
        assert not server.calls


@pytest.mark.parametrize(
    ("method", "content_type", "status", "text"),
    [
        ("POST", "text/plain", "415", "this port takes gRPC, whose content-type begins with application/grpc"),
        ("GET", "application/grpc", "405", "gRPC's calls are POST requests"),
    ],
)
async def test_what_is_no_grpc_has_https_status(method: str, content_type: str, status: str, text: str) -> None:
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked = peer.ask(method=method, content_type=content_type)
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.head[":status"], reply.status, reply.text) == (status, 2, text)
        good = peer.ask(body=message(b"a"), content_type="application/grpc+proto")
        await peer.send()
        assert (await peer.reply(good)).data == message(b"a")


async def test_the_body_of_a_call_that_was_refused_for_its_head_is_passed_over() -> None:
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked = peer.ask("/test.Service/Nope")
        peer.http2.send_data(asked, message(bytes(10_000)))
        await peer.send()
        peer.http2.send_data(asked, bytes(100))
        await peer.send()
        assert (await peer.reply(asked)).status == 12
        good = peer.ask(body=message(b"a"))
        await peer.send()
        assert (await peer.reply(good)).data == message(b"a")


# who says nothing


@pytest.mark.parametrize("words", [b"", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r"])
async def test_who_does_not_introduce_itself_in_time_is_let_go(words: bytes) -> None:
    async with serving(limited(greeting=SOON), Ask=unary(echo)) as server:
        assert b"HTTP" not in await all_that_is_said(server, words)
        await eventually(lambda: not server.connections)


async def test_who_introduced_itself_may_think_longer_than_that() -> None:
    async with serving(limited(greeting=SOON), Ask=unary(echo)) as server, peer_of(server) as peer:
        connection = await only(server)
        await eventually(lambda: connection._timers[0].when() > connection._loop.time() + 100)
        asked = peer.ask(body=message(b"a"))
        await peer.send()
        assert (await peer.reply(asked)).data == message(b"a")


async def test_a_connection_without_calls_is_ended_after_a_while_and_its_client_does_not_mind() -> None:
    async with serving(limited(greeting=SOON, idle=SOON), Ask=unary(echo)) as server:
        async with peer_of(server) as peer:
            assert (await peer.heard(ConnectionTerminated)).error_code == ErrorCodes.NO_ERROR
            await peer.closed()
        async with server.channel() as channel:
            for _ in range(3):
                assert await channel.unary_unary(ASK)(b"a") == b"a"
                await eventually(lambda: not server.connections)


async def test_who_asks_whether_the_server_is_alive_is_not_idle() -> None:
    """As clients with `grpc.keepalive_permit_without_calls` do."""
    async with serving(limited(greeting=SOON, idle=0.5), Ask=unary(echo)) as server, peer_of(server) as peer:
        connection = await only(server)
        until = connection._loop.time() + 1
        while connection._loop.time() < until:
            await peer.fence()
            await asyncio.sleep(SOON)
        asked = peer.ask(body=message(b"a"))
        await peer.send()
        assert (await peer.reply(asked)).data == message(b"a")


async def test_a_caller_that_waits_quietly_is_asked_whether_it_is_alive() -> None:
    limits = limited(greeting=SOON, idle=SOON, alive=0.5)
    async with serving(limits, Ask=unary(never)) as server, peer_of(server) as peer:
        peer.ask(body=message(b""))
        await peer.send()
        for _ in range(2):  # it is, as it answers
            await peer.heard(PingReceived)
            peer.events.clear()
        assert server.calls == 1


async def test_a_caller_that_is_not_alive_any_more_has_its_calls_given_up() -> None:
    async with (
        serving(limited(greeting=SOON, idle=SOON, alive=SOON), Ask=unary(never)) as server,
        peer_of(server) as peer,
    ):
        peer.ask(body=message(b""))
        await peer.send()
        await eventually(lambda: server.calls)
        await eventually(lambda: not server.calls)
        assert not server.connections


async def test_who_says_nothing_more_may_still_be_written_to() -> None:
    """It answers pings, and its stream goes on."""
    go_on = asyncio.Event()

    async def late(_: Any, context: Any) -> AsyncIterator[bytes]:
        yield b"a"
        await go_on.wait()
        yield b"b"

    limits = limited(greeting=SOON, idle=SOON, alive=30)
    async with serving(limits, Ask=stream(late)) as server, server.channel() as channel:
        call = channel.stream_stream(ASK)()
        assert await call.read() == b"a"
        connection = await only(server)
        heard = connection._heard
        await eventually(lambda: connection._heard > heard)
        go_on.set()
        assert await call.read() == b"b"


# many, large and slow


async def test_a_thousand_calls_at_once_on_one_connection() -> None:
    all_are_there, count = asyncio.Event(), [0]

    async def together(message: bytes, _: Any) -> bytes:
        count[0] += 1
        if count[0] == 1000:
            all_are_there.set()
        await all_are_there.wait()
        return message

    async with served(Ask=unary(together)) as server, server.channel() as channel:
        ask, words = channel.unary_unary(ASK), [b"%d" % n * 100 for n in range(1000)]
        assert await asyncio.gather(*(ask(each) for each in words)) == words
        assert len(server.connections) == 1
        assert not server.calls


async def test_who_does_not_read_one_stream_is_answered_on_others() -> None:
    async with served(Ask=unary(sized), Torrent=stream(torrent)) as server, server.channel() as channel:
        call = channel.stream_stream(TORRENT)()
        await call.read()
        ask = channel.unary_unary(ASK)
        for _ in range(20):
            assert len(await ask(b"300000")) == 300_000
        assert len(server.connections) == 1
        call.cancel()


async def test_a_long_reply_does_not_hold_a_short_one_up() -> None:
    async with served(Ask=unary(sized)) as server, peer_of(server) as peer:
        peer.http2.increment_flow_control_window(WIDEST - 65_535)
        long, short = peer.ask(body=message(b"8000000")), peer.ask(body=message(b"10"))
        peer.http2.increment_flow_control_window(WIDEST - 65_535, long)
        await peer.send()
        assert (await peer.reply(short)).data == message(bytes(10))
        assert len(peer.replies[long].data) < 8_000_000
        assert len((await peer.reply(long)).data) == 8_000_005


async def test_who_does_not_read_at_all_holds_no_other_connection_up() -> None:
    async with served(Ask=unary(echo), Torrent=stream(torrent)) as server, peer_of(server) as peer:
        peer.http2.increment_flow_control_window(WIDEST - 65_535)
        asked = peer.ask(TORRENT)
        peer.http2.increment_flow_control_window(WIDEST - 65_535, asked)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await peer.send()
        connection = await only(server)
        await eventually(lambda: connection._http2.outgoing.is_held)
        async with server.channel() as channel:
            for _ in range(20):
                assert await channel.unary_unary(ASK)(b"a") == b"a"
        assert connection._http2.outgoing.is_held


async def test_who_reads_nothing_before_it_has_written_all_is_answered() -> None:
    """More than sockets hold in either direction."""
    async with served(Ask=unary(sized), Echo=unary(echo)) as server, peer_of(server) as peer:
        large, _ = await stalled(server, peer)
        asked = [peer.ask("/test.Service/Echo", message(b"a" * 3000)) for _ in range(21)]
        await asyncio.wait_for(peer.send(*[ping() for _ in range(2000)]), 30)
        await eventually(lambda: server.calls == 22)
        assert not peer.writer.transport.get_write_buffer_size()
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await peer.reply(large)).data) == 20_000_005
        for each in asked:
            assert (await peer.reply(each)).data == message(b"a" * 3000)


async def test_who_reads_nothing_and_has_much_to_be_told_is_not_read() -> None:
    async def refuse(_: bytes, context: Any) -> bytes:
        return await context.abort(grpc.StatusCode.NOT_FOUND, "x" * 10_000)  # type: ignore[no-any-return]

    async with served(Ask=unary(sized), Refuse=unary(refuse)) as server, peer_of(server) as peer:
        large, connection = await stalled(server, peer)
        transport = connection._transport
        while transport.is_reading():
            peer.ask("/test.Service/Refuse", message(b""))
            await peer.send()
            await asyncio.sleep(0)
        assert transport.get_write_buffer_size() < 2 * 2**20
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        assert len((await peer.reply(large)).data) == 20_000_005
        asked = peer.ask(body=message(b"1"))
        await peer.send()
        assert len((await peer.reply(asked)).data) == 6


def ping() -> bytes:
    return b"\0\0\x08\x06\0\0\0\0\0" + bytes(8)


# who is to leave


async def test_who_is_to_leave_is_answered_until_it_has_heard_of_that_and_what_runs_then_ends() -> None:
    go_on = asyncio.Event()

    async def late(message: bytes, _: Any) -> bytes:
        await go_on.wait()
        return message

    async with serving(limited(leaving=SOON), Ask=unary(late)) as server, peer_of(server) as peer:
        first = peer.ask(body=message(b"a"))
        await peer.send()
        await eventually(lambda: server.calls == 1)
        connection = await only(server)
        connection.retire()
        connection.retire()
        second = peer.ask(body=message(b"b"))  # as if it had not heard of it
        await peer.send()
        told = await peer.heard(ConnectionTerminated)
        assert (told.error_code, told.last_stream_id) == (ErrorCodes.NO_ERROR, WIDEST)
        peer.events.clear()
        assert (await peer.heard(ConnectionTerminated)).last_stream_id == second
        go_on.set()
        assert server.calls == 2
        for each in (first, second):
            await peer.reply(each)
        await peer.closed()
        assert not server.connections


async def test_clients_move_to_new_connections_when_theirs_are_old_and_lose_no_call() -> None:
    async def late(message: bytes, _: Any) -> bytes:
        await asyncio.sleep(0.002)
        return message

    seen: set[Any] = set()
    server = RpcServer(RpcLimits(age=0.05, leaving=0.05))
    async with serving(server, Ask=unary(late)) as where, where.channel() as channel:
        ask = channel.unary_unary(ASK)

        async def call() -> None:
            while len(seen) < 10:
                assert await ask(b"a") == b"a"
                seen.update(map(id, where.connections))

        await asyncio.gather(*(call() for _ in range(20)))


async def test_a_stream_outlives_the_age_of_its_connection() -> None:
    async def echo_all(messages: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async for each in messages:
            yield each

    server = RpcServer(RpcLimits(age=SOON, leaving=SOON))
    async with serving(server, Ask=stream(echo_all)) as where, where.channel() as channel:
        call = channel.stream_stream(ASK)()
        await call.write(b"a")
        assert await call.read() == b"a"
        connection = await only(where)
        await eventually(lambda: connection._is_ending)
        await call.write(b"b")
        assert await call.read() == b"b"
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        await eventually(lambda: connection not in where.connections)


async def test_one_connection_too_many_is_told_so_and_the_others_go_on() -> None:
    async with serving(limited(connections=1), Ask=unary(echo)) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(b"a"))
        await peer.send()
        await peer.reply(asked)
        async with peer_of(server) as surplus:
            told = await surplus.heard(ConnectionTerminated)
            assert told.error_code == ErrorCodes.ENHANCE_YOUR_CALM
            assert b"has 1 connections" in told.additional_data
            await surplus.closed()
        asked = peer.ask(body=message(b"b"))
        await peer.send()
        await peer.reply(asked)
        await eventually(lambda: len(server.connections) == 1)


# how it ends


async def test_a_connection_that_is_closed_while_a_reply_waits_gives_it_up() -> None:
    async with served(Ask=unary(sized)) as server, peer_of(server) as peer:
        peer.is_reading = False
        asked = peer.ask(body=message(b"1000000"))
        await peer.send()
        while len(peer.replies[asked].data) < 65_535:
            await peer.hear()
        connection = await only(server)
        connection.close()
        assert (await peer.heard(ConnectionTerminated)).last_stream_id == asked
        await peer.closed()
        assert not server.calls


async def test_who_does_not_take_the_last_words_is_not_awaited_for_ever() -> None:
    async with serving(limited(parting=SOON), Ask=unary(sized)) as server, peer_of(server) as peer:
        _, connection = await stalled(server, peer)
        connection.close()
        await eventually(lambda: not server.connections)


async def test_who_stops_sending_is_gone() -> None:
    async with served(Ask=unary(never)) as server, peer_of(server) as peer:
        peer.ask(body=message(b""))
        await peer.send()
        await eventually(lambda: server.calls)
        peer.writer.write_eof()
        await eventually(lambda: not server.connections)
        assert not server.calls


async def test_a_caller_is_known_by_its_address_as_grpc_writes_it() -> None:
    async def tell(_: bytes, context: Any) -> bytes:
        return str(context.peer()).encode()

    for host, written in (("127.0.0.1", r"ipv4:127\.0\.0\.1:\d+"), ("::1", r"ipv6:%5B::1%5D:\d+")):
        if ":" in host and not has_ipv6():
            continue
        async with served(host, Ask=unary(tell)) as server, server.channel() as channel:
            assert re.fullmatch(written, (await channel.unary_unary(ASK)(b"")).decode())


def has_ipv6() -> bool:
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


def test_limits_are_those_that_are_documented() -> None:
    assert RpcLimits(10, 300, 20, 1, 30) == DEFAULT_LIMITS
