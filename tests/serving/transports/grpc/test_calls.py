"""Real calls through a server of one method each."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any

import grpc
import pytest

from serving.errors import Overloaded
from serving.listening import listen, port_of
from serving.transports.grpc.calls import Calls, Rpc, shortened
from serving.transports.grpc.rpc_server import RpcServer

METHOD = "/test.Service/Ask"


@asynccontextmanager
async def served(rpc: Rpc, is_stream: bool = False) -> AsyncIterator[int]:
    """The port where it takes and answers bytes."""
    of = grpc.stream_stream_rpc_method_handler if is_stream else grpc.unary_unary_rpc_method_handler
    server = RpcServer()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Service", {"Ask": of(rpc)})])
    listening = listen("127.0.0.1", 0, "--grpc-port")
    await server.start(listening)
    port = port_of(listening)
    yield port
    await server.stop()


@asynccontextmanager
async def asking(rpc: Rpc, is_stream: bool = False) -> AsyncIterator[Any]:
    async with served(rpc, is_stream) as port, grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield channel.stream_stream(METHOD) if is_stream else channel.unary_unary(METHOD)


async def test_an_answer_is_the_reply() -> None:
    async def twice(message: bytes) -> bytes:
        return message * 2

    async with asking(Calls().unary("Ask", twice)) as ask:
        assert await ask(b"ab") == b"abab"


async def test_an_error_is_the_status_and_its_text_the_details() -> None:
    async def refuse(_: bytes) -> bytes:
        raise Overloaded("the queue is full")

    async with asking(Calls().unary("Ask", refuse)) as ask:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await ask(b"")
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, "the queue is full")


@pytest.mark.parametrize("text", ["x" * 100_000, "ü" * 100_000, "half a pair \ud800"])
async def test_no_text_is_too_much_for_a_clients_metadata(text: str) -> None:
    async def refuse(_: bytes) -> bytes:
        raise Overloaded(text)

    async with asking(Calls().unary("Ask", refuse)) as ask:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await ask(b"")
    assert (error.value.code(), error.value.details()) == (grpc.StatusCode.UNAVAILABLE, shortened(text))


async def test_what_nobody_foresaw_is_in_the_log_and_not_in_the_reply(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(_: bytes) -> bytes:
        raise KeyError("a secret")

    async with asking(Calls().unary("Ask", fail)) as ask:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await ask(b"")
    assert error.value.code() == grpc.StatusCode.INTERNAL
    assert error.value.details() == "internal error; the server's log has the details"
    (record,) = [record for record in caplog.records if record.name == "slipway"]
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "Ask failed")
    assert record.exc_info is not None
    assert "a secret" in str(record.exc_info[1])


async def test_a_caller_that_goes_away_cancels_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def for_ever(_: bytes) -> bytes:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    async with asking(Calls().unary("Ask", for_ever)) as ask:
        call = ask(b"")
        await started.wait()
        call.cancel()
        await cancelled.wait()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("is_stream", [False, True])
async def test_what_is_cut_off_is_told_why(is_stream: bool) -> None:
    calls, started = Calls(), asyncio.Event()

    async def for_ever(*_: Any) -> bytes:
        started.set()
        await asyncio.Event().wait()
        return b""

    rpc = calls.streaming("Ask", for_ever) if is_stream else calls.unary("Ask", for_ever)  # type: ignore[arg-type]
    async with asking(rpc, is_stream) as ask:
        call = ask() if is_stream else ask(b"")
        await started.wait()
        assert await calls.end(timeout=0.01) == 1
        assert (await call.code(), await call.details()) == (
            grpc.StatusCode.UNAVAILABLE,
            "Server exiting: this request took longer than the server had to stop",
        )
    assert await calls.end(timeout=0.01) == 0


async def test_once_it_is_exiting_calls_are_told_to_go_elsewhere() -> None:
    calls = Calls()
    calls.exiting.set()

    async def never(_: object) -> bytes:
        pytest.fail("it was asked")

    async with asking(calls.unary("Ask", never)) as ask:
        call = ask(b"")
        assert (await call.code(), await call.details()) == (
            grpc.StatusCode.UNAVAILABLE,
            "Server exiting: it takes no more requests",
        )


async def test_a_call_runs_until_its_reply_is_sent() -> None:
    """To a client whose network is slow, which here lets nothing through after the connection's first words."""
    calls, open_again, reply = Calls(), asyncio.Event(), bytes(16_000_000)
    is_answered, is_closed = asyncio.Event(), asyncio.Event()

    async def answer(_: bytes) -> bytes:
        return reply

    async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter, at_first: float = inf) -> None:
        while data := await source.read(65536):
            sink.write(data)
            at_first -= len(data)
            if at_first < 0:
                await open_again.wait()

    async def between(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection("127.0.0.1", port)
        ways = [
            asyncio.create_task(pass_on(reader, to_server)),
            asyncio.create_task(pass_on(from_server, writer, 1000)),
        ]
        await is_answered.wait()  # grpc keeps a channel's connection when the channel is closed
        for way, end in zip(ways, (to_server, writer), strict=True):
            way.cancel()
            end.close()
            with suppress(ConnectionError):
                await end.wait_closed()
        is_closed.set()

    async with served(calls.unary("Ask", answer)) as port, await asyncio.start_server(between, "127.0.0.1", 0) as slow:
        address = "{}:{}".format(*slow.sockets[0].getsockname())
        async with grpc.aio.insecure_channel(address, [("grpc.max_receive_message_length", -1)]) as channel:
            call = channel.unary_unary(METHOD)(b"")
            while not calls.ended:  # as far as our side is concerned
                await asyncio.sleep(0.01)
            ending = asyncio.create_task(calls.end(timeout=30))
            await asyncio.wait({ending}, timeout=0.1)
            assert not ending.done()
            open_again.set()
            assert await call == reply
            assert await ending == 0
        is_answered.set()
        await is_closed.wait()
