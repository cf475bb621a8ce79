"""Servers that are started and stopped, with what answers their calls."""

import asyncio
import gc
import logging
import socket
import ssl
import weakref
from pathlib import Path
from typing import Any

import grpc
import pytest
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated

from serving.listening import listen, port_of
from serving.transports.grpc.rpc_limits import RpcLimits
from serving.transports.grpc.rpc_server import RpcServer
from serving.transports.tls import server_context
from tests.integration.test_doors import Authority, trusting
from tests.rpc_peers import ASK, eventually, failures, message, peer_of, served, serving
from tests.serving.transports.grpc.test_rpc_connection import WIDEST, echo, has_ipv6, never, only, sized, stalled

unary = grpc.unary_unary_rpc_method_handler


class Services(grpc.GenericRpcHandler):  # type: ignore[misc] # the library has no types
    """It answers what begins with `prefix`, and remembers whom it was asked about."""

    def __init__(self, prefix: str, answer: bytes) -> None:
        self.prefix, self.answer = prefix, answer
        self.seen: list[Any] = []

    def service(self, details: Any) -> Any:
        self.seen.append((details.method, details.invocation_metadata))
        return unary(self._tell) if details.method.startswith(self.prefix) else None

    async def _tell(self, *_: Any) -> bytes:
        return self.answer


class Broken(grpc.GenericRpcHandler):  # type: ignore[misc] # the library has no types
    def service(self, details: Any) -> Any:
        if details.method == "/broken":
            raise KeyError("what no caller may see")
        return None


async def test_the_first_that_knows_a_method_answers_it() -> None:
    server, one, two = RpcServer(), Services("/a/b", b"one"), Services("/a", b"two")
    server.add_generic_rpc_handlers([one])
    server.add_generic_rpc_handlers([two])
    async with serving(server) as where, where.channel() as channel:
        for path, answer in (("/a/b", b"one"), ("/a/c", b"two")):
            assert await channel.unary_unary(path)(b"", metadata=(("key", "v"),)) == answer
        call = channel.unary_unary("/c/d")(b"")
        assert (await call.code(), await call.details()) == (grpc.StatusCode.UNIMPLEMENTED, "Method not found!")
    assert [method for method, _ in two.seen] == ["/a/c", "/c/d"]
    assert ("key", "v") in one.seen[0][1]


async def test_what_nobody_foresaw_where_a_method_is_looked_for_ends_its_call_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    server = RpcServer()
    server.add_generic_rpc_handlers([Broken()])
    async with serving(server, Ask=unary(echo)) as where, peer_of(where) as peer:
        asked, other = peer.ask("/broken", message(b"")), peer.ask(body=message(b"a"))
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.status, reply.text) == (2, "internal error; the server's log has the details")
        assert (await peer.reply(other)).data == message(b"a")
    (record,) = failures(caplog)
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "/broken failed")


async def test_it_listens_at_several_places_and_counts_its_connections() -> None:
    async with served(Ask=unary(echo)) as server:
        other = listen("127.0.0.1", 0, "--grpc-port")
        await server.server.start(other)
        assert repr(server.server) == "<RpcServer 0 connections>"
        async with (
            server.channel() as channel,
            grpc.aio.insecure_channel(f"127.0.0.1:{port_of(other)}") as elsewhere,
        ):
            assert await channel.unary_unary(ASK)(b"a") == b"a"
            assert await elsewhere.unary_unary(ASK)(b"a") == b"a"
            assert server.server.connections == 2


async def test_ipv6() -> None:
    if not has_ipv6():
        pytest.skip("this machine has no IPv6")
    async with served("::1", Ask=unary(echo)) as server, server.channel() as channel:
        assert await channel.unary_unary(ASK)(b"a") == b"a"


async def test_many_may_connect_while_it_is_busy() -> None:
    """None of them has to try again, which its system would do a second later."""
    async with served(Ask=unary(echo)) as server:
        waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=0.9) for _ in range(300)]
        await eventually(lambda: server.server.connections == 300)
        for each in waiting:
            each.close()
        await eventually(lambda: server.server.connections == 0)


# how it stops


async def test_when_it_stops_callers_are_told_and_nobody_can_connect() -> None:
    async with served(Ask=unary(never)) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(b""))
        await peer.send()
        await eventually(lambda: server.calls)
        await server.server.stop()
        told = await peer.heard(ConnectionTerminated)
        assert (told.error_code, told.last_stream_id) == (ErrorCodes.NO_ERROR, asked)
        await peer.closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", server.port)


async def test_when_it_stops_a_client_sees_that_it_is_not_there_any_more() -> None:
    async with served(Ask=unary(never)) as server, server.channel() as channel:
        call = channel.unary_unary(ASK)(b"")
        await eventually(lambda: server.calls)
        await server.server.stop()
        assert await call.code() == grpc.StatusCode.UNAVAILABLE


async def test_what_was_answered_before_it_stops_arrives() -> None:
    is_asked = asyncio.Event()

    async def answer(message: bytes, _: Any) -> bytes:
        is_asked.set()
        return bytes(100_000)

    async with served(Ask=unary(answer)) as server, peer_of(server) as peer:
        peer.http2.increment_flow_control_window(WIDEST - 65_535)
        asked = peer.ask(body=message(b""))
        peer.http2.increment_flow_control_window(WIDEST - 65_535, asked)
        await peer.send()
        await is_asked.wait()
        await eventually(lambda: not server.calls)
        stopping = asyncio.create_task(server.server.stop())
        assert len((await peer.reply(asked)).data) == 100_005
        await stopping


async def test_it_stops_though_somebody_reads_nothing() -> None:
    async with served(Ask=unary(sized)) as server, peer_of(server) as peer:
        await stalled(server, peer)
        await server.server.stop()
        assert server.server.connections == 0


async def test_nothing_is_left_of_what_was_served() -> None:
    kept: list[weakref.ref[Any]] = []

    async def answer(_: bytes, context: Any) -> bytes:
        kept.append(weakref.ref(context))
        return bytes(1_000_000)

    async with served(Ask=unary(answer)) as server:
        async with server.channel() as channel:
            assert len(await channel.unary_unary(ASK)(b"")) == 1_000_000
            kept.append(weakref.ref(await only(server)))
        await eventually(lambda: not server.connections)
    gc.collect()
    assert [each() for each in kept] == [None, None]


# encrypted


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(Path(tmp_path_factory.mktemp("authority")))
    authority.found()
    return authority


async def test_encrypted_calls_of_any_size(authority: Authority) -> None:
    shown = authority.sign("server")
    credentials = grpc.ssl_channel_credentials(authority.file.read_bytes())
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    async with (
        served(tls=server_context(shown, "h2"), Ask=unary(echo)) as server,
        grpc.aio.secure_channel(f"localhost:{server.port}", credentials, options) as channel,
    ):
        ask = channel.unary_unary(ASK)
        for each in (b"a", bytes(range(256)) * 40_000):
            assert await ask(each) == each
        words = [b"%d" % n * 1000 for n in range(100)]
        assert await asyncio.gather(*(ask(each) for each in words)) == words


async def test_encrypted_connections_speak_http_2(authority: Authority) -> None:
    context = trusting(authority, None)
    context.set_alpn_protocols(["http/1.1", "h2"])
    async with served(tls=server_context(authority.sign("alpn"), "h2"), Ask=unary(echo)) as server:
        reader, writer = await asyncio.open_connection("localhost", server.port, ssl=context)
        assert writer.get_extra_info("ssl_object").selected_alpn_protocol() == "h2"
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        writer.close()
        await writer.wait_closed()


async def test_who_has_no_certificate_is_not_answered_where_one_is_asked_for(authority: Authority) -> None:
    context = server_context(authority.sign("mutual"), "h2")
    context.load_verify_locations(authority.file)
    context.verify_mode = ssl.CERT_REQUIRED
    ours = authority.sign("client")
    assert ours.keyfile is not None
    root, key, chain = authority.file.read_bytes(), ours.keyfile.read_bytes(), ours.certfile.read_bytes()
    async with served(tls=context, Ask=unary(echo)) as server:
        for credentials, code in (
            (grpc.ssl_channel_credentials(root, key, chain), grpc.StatusCode.OK),
            (grpc.ssl_channel_credentials(root), grpc.StatusCode.UNAVAILABLE),
        ):
            async with grpc.aio.secure_channel(f"localhost:{server.port}", credentials) as channel:
                assert await channel.unary_unary(ASK)(b"").code() == code


async def test_who_does_not_shake_hands_in_time_is_let_go(authority: Authority) -> None:
    server = RpcServer(RpcLimits(greeting=0.05))
    async with serving(server, tls=server_context(authority.sign("slow"), "h2"), Ask=unary(echo)) as where:
        reader, writer = await asyncio.open_connection("127.0.0.1", where.port)
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()
        await writer.wait_closed()
