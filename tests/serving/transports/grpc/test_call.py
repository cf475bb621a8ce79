"""Real calls: by grpc's own client, and by a peer for what that would not do."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from h2.errors import ErrorCodes

from serving.errors import Cancelled
from serving.transports.grpc.rpc_limits import RpcLimits
from serving.transports.grpc.rpc_server import RpcServer
from tests.rpc_peers import ASK, eventually, failures, message, peer_of, served, serving

Status = grpc.StatusCode
SECRET = "what no caller may see"
TOLD = "internal error; the server's log has the details"
WINDOW = 2**20


unary = grpc.unary_unary_rpc_method_handler
stream = grpc.stream_stream_rpc_method_handler


async def echo(message: bytes, _: Any) -> bytes:
    return message


async def echo_all(messages: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
    async for each in messages:
        yield each


async def forgiving(messages: AsyncIterator[bytes], context: Any) -> None:
    with suppress(Exception):
        async for each in messages:
            await context.write(each)


class Waiting:
    """Answers nobody. How often it was asked, and cancelled."""

    def __init__(self) -> None:
        self.asked = self.cancelled = 0

    async def __call__(self, *_: Any) -> bytes:
        self.asked += 1
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        return b""


class Torrent:
    """Writes for ever. How many bytes it got rid of, and whether it was ended."""

    def __init__(self, size: int = 100_000) -> None:
        self.piece = bytes(size)
        self.written = 0
        self.has_ended = False

    async def __call__(self, _: Any, context: Any) -> None:
        try:
            while True:
                await context.write(self.piece)
                self.written += len(self.piece)
        finally:
            self.has_ended = True


# what is asked and answered


async def test_one_message_is_answered_with_one() -> None:
    async with served(Ask=unary(echo)) as server, server.channel() as channel:
        assert await channel.unary_unary(ASK)(b"ab") == b"ab"
        assert await channel.unary_unary(ASK)(b"") == b""
        await eventually(lambda: not server.calls)


@pytest.mark.parametrize("yields", [True, False])
async def test_one_message_is_answered_with_many(yields: bool) -> None:
    async def split(message: bytes, _: Any) -> AsyncIterator[bytes]:
        for each in message:
            yield bytes([each])

    async def write(message: bytes, context: Any) -> None:
        for each in message:
            await context.write(bytes([each]))

    rpc = grpc.unary_stream_rpc_method_handler(split if yields else write)
    async with served(Ask=rpc) as server, server.channel() as channel:
        assert [each async for each in channel.unary_stream(ASK)(b"abc")] == [b"a", b"b", b"c"]
        assert [each async for each in channel.unary_stream(ASK)(b"")] == []


async def test_many_messages_are_answered_with_one() -> None:
    async def join(messages: AsyncIterator[bytes], _: Any) -> bytes:
        return b"".join([each async for each in messages])

    async with served(Ask=grpc.stream_unary_rpc_method_handler(join)) as server, server.channel() as channel:
        assert await channel.stream_unary(ASK)(iter([b"a", b"", b"b"])) == b"ab"
        assert await channel.stream_unary(ASK)(iter([])) == b""


@pytest.mark.parametrize("yields", [True, False])
async def test_many_messages_are_answered_one_by_one(yields: bool) -> None:
    async def write_all(messages: AsyncIterator[bytes], context: Any) -> None:
        async for each in messages:
            await context.write(each)

    async with served(Ask=stream(echo_all if yields else write_all)) as server, server.channel() as channel:
        call = channel.stream_stream(ASK)()
        for each in (b"a", b"", b"c"):
            await call.write(each)
            assert await call.read() == each
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await call.code() == Status.OK


async def test_an_answer_may_come_before_all_is_asked() -> None:
    async def first(messages: AsyncIterator[bytes], _: Any) -> bytes:
        return await anext(aiter(messages))

    async with served(Ask=grpc.stream_unary_rpc_method_handler(first)) as server, peer_of(server) as peer:
        asked = peer.ask()
        peer.http2.send_data(asked, message(b"a") + message(b"b"))
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.data, reply.status) == (message(b"a"), 0)
        assert not server.calls
        again = peer.ask(body=message(b"c"))
        await peer.send()
        assert (await peer.reply(again)).data == message(b"c")


async def test_a_caller_may_take_its_time_to_say_that_this_was_all() -> None:
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked, other = peer.ask(), peer.ask(body=message(b"b"))
        peer.http2.send_data(asked, message(b"a"))
        await peer.send()
        assert (await peer.reply(other)).data == message(b"b")
        assert not peer.replies[asked].is_over
        peer.http2.end_stream(asked)
        await peer.send()
        assert (await peer.reply(asked)).data == message(b"a")


async def test_metadata_goes_both_ways_as_words_and_as_bytes() -> None:
    seen: list[Any] = []

    async def tell(asked: bytes, context: Any) -> bytes:
        seen.append((context.invocation_metadata(), context.peer()))
        context.set_trailing_metadata((("word", "w"), ("bytes-bin", b"\x00\xff")))
        return asked

    async with served(Ask=unary(tell)) as server, server.channel(("grpc.primary_user_agent", "me")) as channel:
        call = channel.unary_unary(ASK)(b"", metadata=(("key", "v"), ("key", "w"), ("key-bin", b"\xff\x00")))
        await call
        assert tuple(await call.trailing_metadata()) == (("word", "w"), ("bytes-bin", b"\x00\xff"))
    ((metadata, peer),) = seen
    agent = next(value for key, value in metadata if key == "user-agent")
    assert agent.startswith("me grpc-python-asyncio")
    assert [each for each in metadata if each[0] != "user-agent"] == [
        ("key", "v"),
        ("key", "w"),
        ("key-bin", b"\xff\x00"),
    ]
    assert peer.startswith("ipv4:127.0.0.1:")


async def test_a_call_says_which_encodings_it_takes() -> None:
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(b""))
        await peer.send()
        assert (await peer.reply(asked)).head["grpc-accept-encoding"] == "identity,deflate,gzip"


@pytest.mark.parametrize("size", [2 * WINDOW, 16_000_000])
async def test_messages_may_be_larger_than_any_window(size: int) -> None:
    large = bytes(range(256)) * (size // 256)
    async with served(Ask=unary(echo), All=stream(echo_all)) as server, server.channel() as channel:
        assert await channel.unary_unary(ASK)(large) == large
        call = channel.stream_stream("/test.Service/All")(iter([large, b"a"]))
        assert [each async for each in call] == [large, b"a"]


async def test_a_large_message_reaches_a_caller_that_opens_its_window_bit_by_bit() -> None:
    large = bytes(range(256)) * 2000
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked = peer.ask()
        await peer.pour(asked, message(large))
        assert (await peer.reply(asked)).data == message(large)


# errors


@pytest.mark.parametrize("written", [[], [b"a", b"b"]])
async def test_an_abort_is_told_before_and_after_messages(written: list[bytes]) -> None:
    async def abort(_: Any, context: Any) -> AsyncIterator[bytes]:
        for each in written:
            yield each
        context.set_trailing_metadata((("set", "before"),))
        await context.abort(Status.RESOURCE_EXHAUSTED, "100 % too müch", (("retry-after", "3"),))

    async with served(Ask=stream(abort)) as server, server.channel() as channel:
        call = channel.stream_stream(ASK)(iter([]))
        assert [await call.read() for _ in written] == written
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await call.read()
        assert (error.value.code(), error.value.details()) == (Status.RESOURCE_EXHAUSTED, "100 % too müch")
        assert tuple(await call.trailing_metadata()) == (("set", "before"), ("retry-after", "3"))


async def failing(_: Any, __: Any) -> Any:
    raise KeyError(SECRET)


async def failing_late(_: Any, context: Any) -> None:
    await context.write(b"a")
    raise KeyError(SECRET)


async def yielding_what_is_no_message(_: Any, context: Any) -> AsyncIterator[Any]:
    yield b"a"
    yield SECRET


async def answering_what_is_no_message(_: Any, __: Any) -> Any:
    return SECRET


async def ending_with_what_is_no_metadata(message: bytes, context: Any) -> bytes:
    context.set_trailing_metadata((("key", "\u20ac"),))
    return message


async def aborting_with_what_is_no_metadata(_: bytes, context: Any) -> bytes:
    return await context.abort(Status.NOT_FOUND, "", (("key", "\u20ac"),))  # type: ignore[no-any-return]


def written(reply: Any) -> bytes:
    assert isinstance(reply, bytes), reply
    return reply


def unreadable(_: bytes) -> Any:
    raise ValueError(SECRET)


@pytest.mark.parametrize(
    "rpc",
    [
        stream(failing),
        stream(failing_late),
        stream(yielding_what_is_no_message, response_serializer=written),
        stream(echo_all, unreadable),
        unary(failing),
        unary(answering_what_is_no_message, response_serializer=written),
        unary(echo, unreadable),
        unary(ending_with_what_is_no_metadata),
        unary(aborting_with_what_is_no_metadata),
    ],
)
async def test_what_nobody_foresaw_is_in_the_log_and_not_in_the_reply(
    rpc: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with served(Ask=rpc, Echo=unary(echo)) as server, peer_of(server) as peer:
        asked, other = peer.ask(body=message(b"")), peer.ask("/test.Service/Echo", message(b"a"))
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.status, reply.text, reply.head[":status"]) == (2, TOLD, "200")
        assert (await peer.reply(other)).data == message(b"a")
        await eventually(lambda: not server.calls)
    (record,) = failures(caplog)
    assert (record.name, record.levelno, record.getMessage()) == ("slipway", logging.ERROR, f"{ASK} failed")
    assert record.exc_info is not None


@pytest.mark.parametrize("path", ["/test.Service/Nope", "/nope.Service/Ask", "/", "nope"])
async def test_a_method_that_there_is_not(path: str) -> None:
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked, unfinished = peer.ask(path, message(b"")), peer.ask(path)
        await peer.send()
        replies = [await peer.reply(asked), await peer.reply(unfinished)]
        assert [(reply.status, reply.text) for reply in replies] == [(12, "Method not found!")] * 2
        assert not server.calls


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", "the method takes one message, and none came"),
        (message(b"a") * 2, "the method takes one message, and more came"),
        (message(b"a")[:4], "the call's last message is cut short"),
        (message(b"a") + b"\0", "the call's last message is cut short"),
        (message(b"a", 2), "a message's first byte must be 0 or, for a compressed one, 1, and is 2"),
        (message(b"a", 1), "a message is said to be compressed, but the call has no grpc-encoding"),
    ],
)
async def test_what_is_not_one_message(body: bytes, text: str) -> None:
    async with served(Ask=unary(failing), Echo=unary(echo)) as server, peer_of(server) as peer:
        asked, other = peer.ask(body=body), peer.ask("/test.Service/Echo", message(b"b"))
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.status, reply.text) == (13, text)
        assert (await peer.reply(other)).data == message(b"b")


async def test_messages_that_nobody_takes_are_not_awaited() -> None:
    """A caller might send them for ever."""
    async with served(Ask=unary(failing)) as server, peer_of(server) as peer:
        asked = peer.ask()
        peer.http2.send_data(asked, message(b"a") * 2)
        await peer.send()
        assert (await peer.reply(asked)).status == 13
        assert not server.calls


async def test_a_message_that_is_too_large_is_refused_before_it_is_there_and_the_connection_goes_on() -> None:
    made = RpcServer(RpcLimits(largest=1000))
    async with serving(made, Ask=unary(echo), All=stream(echo_all)) as server, peer_of(server) as peer:
        largest = peer.ask(body=message(bytes(1000)))
        asked, streamed = peer.ask(), peer.ask("/test.Service/All")
        for each in (asked, streamed):
            peer.http2.send_data(each, message(bytes(1001))[:5])
        await peer.send()
        for each in (asked, streamed):
            reply = await peer.reply(each)
            assert (reply.status, reply.text) == (
                8,
                "Received message larger than max: it has 1001 bytes, the server accepts 1000",
            )
        assert (await peer.reply(largest)).data == message(bytes(1000))
        assert not server.calls


# compression


@pytest.mark.parametrize("compression", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_messages_may_be_compressed(compression: grpc.Compression) -> None:
    large = bytes(300_000)
    async with served(Ask=unary(echo), All=stream(echo_all)) as server, server.channel() as channel:
        assert await channel.unary_unary(ASK)(large, compression=compression) == large
        call = channel.stream_stream("/test.Service/All")(iter([large, b"a"]), compression=compression)
        assert [each async for each in call] == [large, b"a"]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (b"nope", 13, "a message is no gzip: Error -3 while decompressing data: incorrect header check"),
        (gzip.compress(b"abc", mtime=0)[:-1], 13, "a message's gzip is cut short"),
        (
            gzip.compress(bytes(1001), mtime=0),
            8,
            "Received message larger than max: it has more bytes when unpacked, the server accepts 1000",
        ),
    ],
)
@pytest.mark.parametrize(
    "rpc", [unary(echo), stream(echo_all), stream(forgiving)], ids=["unary", "stream", "one that takes no notice"]
)
async def test_what_can_not_be_unpacked_is_told_and_not_logged(
    body: bytes, code: int, text: str, rpc: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(RpcServer(RpcLimits(largest=1000)), Ask=rpc) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(body, 1), grpc_encoding="gzip")
        good = peer.ask(body=message(zlib.compress(b"abc"), 1), grpc_encoding="deflate")
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.status, reply.text) == (code, text)
        assert (await peer.reply(good)).data == message(b"abc")
        await eventually(lambda: not server.calls)
    assert not failures(caplog)


async def test_what_is_compressed_in_another_way_is_refused() -> None:
    async with served(Ask=unary(echo)) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(b"a", 1), grpc_encoding="br")
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.status, reply.text) == (
            12,
            "grpc-encoding 'br' is not supported; there are identity, deflate, gzip",
        )


# deadlines


async def test_who_answers_knows_how_much_time_there_is() -> None:
    async def tell(_: bytes, context: Any) -> bytes:
        return repr(context.time_remaining()).encode()

    async with served(Ask=unary(tell)) as server, peer_of(server) as peer:
        asked = [peer.ask(body=message(b""), **each) for each in ({}, {"grpc_timeout": "100S"})]
        longest = peer.ask(body=message(b""), grpc_timeout="99999999H")
        await peer.send()
        none, some, most = [(await peer.reply(each)).data[5:] for each in (*asked, longest)]
        assert none == b"None"
        assert 50 < float(some) <= 100
        assert float(most) > 3e11


@pytest.mark.parametrize("timeout", ["0S", "1n", "50m"])
@pytest.mark.parametrize("of", [unary, stream])
async def test_who_is_not_answered_in_time_is_told_so_and_gives_up_once(of: Any, timeout: str) -> None:
    waiting = Waiting()
    async with served(Ask=of(waiting)) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(b""), grpc_timeout=timeout)
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.status, reply.text) == (4, "Deadline Exceeded")
        await eventually(lambda: waiting.cancelled == waiting.asked)
        assert not server.calls
    assert waiting.cancelled == waiting.asked <= 1


async def test_time_runs_while_a_message_comes() -> None:
    async with served(Ask=unary(failing)) as server, peer_of(server) as peer:
        asked = peer.ask(grpc_timeout="20m")
        peer.http2.send_data(asked, message(b"abc")[:6])
        await peer.send()
        assert (await peer.reply(asked)).status == 4
        assert not server.calls


async def test_after_a_message_the_late_are_told_in_the_trailers() -> None:
    async def write(_: Any, context: Any) -> None:
        await context.write(b"a")
        await asyncio.Event().wait()

    async with served(Ask=stream(write)) as server, peer_of(server) as peer:
        asked = peer.ask(grpc_timeout="50m")
        await peer.send()
        reply = await peer.reply(asked)
        assert (reply.data, reply.trailers["grpc-status"]) == (message(b"a"), "4")
        assert not server.calls


@pytest.mark.parametrize("of", [unary, stream])
async def test_a_reply_that_is_not_read_in_time_is_not_kept(of: Any) -> None:
    async def much(_: Any, context: Any) -> Any:
        if of is unary:
            return bytes(WINDOW)
        await context.write(bytes(WINDOW))
        return None

    async with served(Ask=of(much)) as server, peer_of(server) as peer:
        peer.is_reading = False
        asked = peer.ask(body=message(b""), grpc_timeout="100m")
        await peer.send()
        reply = await peer.reply(asked)
        assert reply.reset == ErrorCodes.CANCEL
        assert not server.calls
        (connection,) = server.connections
        assert not connection._http2.streams


# callers that go away


async def test_who_cancels_while_it_asks_is_not_answered() -> None:
    async with served(Ask=unary(failing)) as server, peer_of(server) as peer:
        asked = peer.ask()
        peer.http2.send_data(asked, message(b"abc")[:6])
        await peer.send()
        await eventually(lambda: server.calls == 1)
        peer.http2.reset_stream(asked)
        await peer.send()
        await eventually(lambda: not server.calls)


@pytest.mark.parametrize("of", [unary, stream])
@pytest.mark.parametrize("is_lost", [False, True], ids=["cancels", "is lost"])
async def test_who_goes_away_while_it_is_answered_has_that_cancelled_once(
    of: Any, is_lost: bool, caplog: pytest.LogCaptureFixture
) -> None:
    waiting = Waiting()
    async with served(Ask=of(waiting)) as server, peer_of(server) as peer:
        asked = peer.ask(body=message(b""))
        await peer.send()
        await eventually(lambda: waiting.asked)
        if is_lost:
            peer.writer.transport.abort()
        else:
            peer.http2.reset_stream(asked)
            await peer.send()
        await eventually(lambda: waiting.cancelled)
        assert not server.calls
    assert (waiting.asked, waiting.cancelled) == (1, 1)
    assert not failures(caplog)


@pytest.mark.parametrize("of", [unary, stream])
@pytest.mark.parametrize("is_lost", [False, True], ids=["cancels", "is lost"])
async def test_who_goes_away_while_a_reply_waits_leaves_nothing(
    of: Any, is_lost: bool, caplog: pytest.LogCaptureFixture
) -> None:
    is_answered = asyncio.Event()

    async def much(_: Any, context: Any) -> Any:
        is_answered.set()
        if of is unary:
            return bytes(WINDOW)
        await context.write(bytes(WINDOW))
        raise AssertionError("it never came")

    async with served(Ask=of(much)) as server, peer_of(server) as peer:
        peer.is_reading = False
        asked = peer.ask(body=message(b""))
        await peer.send()
        await is_answered.wait()
        assert server.calls == 1
        (connection,) = server.connections
        if is_lost:
            peer.writer.transport.abort()
        else:
            peer.http2.reset_stream(asked)
            await peer.send()
        await eventually(lambda: not server.calls)
        assert is_lost or not connection._http2.streams
    assert not failures(caplog)


@pytest.mark.parametrize("path", [ASK, "/test.Service/All", "/test.Service/Nope"])
@pytest.mark.parametrize("body", [None, b"", message(b"a"), message(b"a", 2), message(b"a") * 2])
async def test_who_cancels_in_the_same_breath_leaves_nothing(path: str, body: bytes | None) -> None:
    async with served(Ask=unary(echo), All=stream(echo_all)) as server, peer_of(server) as peer:
        for ends in (True, False):
            asked = peer.ask(path, body if ends else None)
            if body is not None and not ends:
                peer.http2.send_data(asked, body)
            peer.http2.reset_stream(asked)
        other = peer.ask(body=message(b"b"))
        await peer.send()
        assert (await peer.reply(other)).data == message(b"b")
        await eventually(lambda: not server.calls)


async def test_who_reads_and_writes_for_a_caller_that_went_away_is_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[Any] = []
    is_there, go_on = asyncio.Event(), asyncio.Event()

    async def stubborn(messages: AsyncIterator[bytes], context: Any) -> None:
        await context.write(await anext(aiter(messages)))
        is_there.set()
        try:
            await go_on.wait()
        except asyncio.CancelledError:
            told.extend([each async for each in messages])
            with pytest.raises(Cancelled):
                await context.write(b"b")
            told.append(context.done())
            await context.write(b"c")

    async with served(Ask=stream(stubborn)) as server, server.channel() as channel:
        call = channel.stream_stream(ASK)()
        await call.write(b"a")
        assert await call.read() == b"a"
        await is_there.wait()
        call.cancel()
        await eventually(lambda: told)
    assert told == [True]
    assert not failures(caplog)


async def test_who_reads_in_a_task_of_its_own_is_told_too() -> None:
    told, is_reading = list[Any](), asyncio.Event()

    async def apart(messages: AsyncIterator[bytes], _: Any) -> AsyncIterator[bytes]:
        async def all_of_them() -> list[bytes]:
            is_reading.set()
            return [each async for each in messages]

        reading = asyncio.create_task(all_of_them())
        try:
            await asyncio.shield(reading)
        finally:
            told.append(await asyncio.wait_for(reading, 5))
        yield b""

    async with served(Ask=stream(apart)) as server, peer_of(server) as peer:
        asked = peer.ask()
        peer.http2.send_data(asked, message(b"a"))
        await peer.send()
        await is_reading.wait()
        peer.http2.reset_stream(asked)
        await peer.send()
        await eventually(lambda: told)
    assert told == [[b"a"]]


async def test_a_generator_is_closed_at_once_when_its_caller_goes_away() -> None:
    is_closed = asyncio.Event()
    kept: list[Any] = []

    def torrent(_: Any, __: Any) -> AsyncIterator[bytes]:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(WINDOW)
            finally:
                is_closed.set()

        kept.append(pieces())
        return kept[0]  # type: ignore[no-any-return]

    async with served(Ask=stream(torrent)) as server, peer_of(server) as peer:
        asked = peer.ask()
        await peer.send()
        await eventually(lambda: kept)
        peer.http2.reset_stream(asked)
        await peer.send()
        await asyncio.wait_for(is_closed.wait(), 30)


async def test_what_is_cancelled_by_the_server_itself_is_given_up() -> None:
    """Also while its status waits to be sent."""
    tasks: list[asyncio.Task[Any]] = []

    async def much(_: Any, context: Any) -> AsyncIterator[bytes]:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        writing = asyncio.create_task(context.write(bytes(WINDOW)))
        await asyncio.sleep(0)
        writing.cancel()
        await context.abort(Status.NOT_FOUND, "")
        yield b""

    async with served(Ask=stream(much)) as server, peer_of(server) as peer:
        peer.is_reading = False
        asked = peer.ask()
        await peer.send()
        await peer.hear()
        await eventually(lambda: tasks)
        await asyncio.sleep(0)
        assert server.calls == 1
        tasks[0].cancel()
        assert (await peer.reply(asked)).reset == ErrorCodes.CANCEL
        assert not server.calls


# who is slow


async def test_a_caller_of_whom_nobody_reads_has_to_wait_and_goes_on_when_somebody_does() -> None:
    go_on, sizes = asyncio.Event(), list[int]()

    async def late(messages: AsyncIterator[bytes], _: Any) -> bytes:
        await go_on.wait()
        async for each in messages:
            sizes.append(len(each))
        return b"all"

    async with served(Ask=grpc.stream_unary_rpc_method_handler(late)) as server, peer_of(server) as peer:
        asked = peer.ask()
        sending = asyncio.create_task(peer.pour(asked, message(bytes(100_000)) * 80))
        (connection,) = await connected(server)
        while not (call := connection._calls.get(asked)) or call._inbox._size < WINDOW:
            await asyncio.sleep(0.005)
        done, _ = await asyncio.wait({sending}, timeout=0.1)
        assert not done
        assert sum(len(each.data) for each in call._inbox._unread) < 2 * WINDOW + 200_000
        go_on.set()
        await sending
        assert (await peer.reply(asked)).data == message(b"all")
    assert sizes == [100_000] * 80


async def test_a_caller_that_does_not_read_stops_who_writes() -> None:
    torrent = Torrent()
    async with served(Ask=stream(torrent)) as server, peer_of(server) as peer:
        peer.is_reading = False
        asked = peer.ask()
        await peer.send()
        for more, most in ((WINDOW, 65_535), (0, 65_535 + WINDOW)):
            while len(peer.replies[asked].data) < most:
                await peer.hear()
            await peer.fence()
            assert len(peer.replies[asked].data) == most
            assert most - 100_005 < torrent.written <= most
            if more:
                peer.http2.increment_flow_control_window(more)
                peer.http2.increment_flow_control_window(more, asked)
                await peer.send()
    assert torrent.has_ended


async def test_a_caller_that_says_it_reads_and_does_not_stops_who_writes() -> None:
    """Its windows are as wide as they can be, and its socket is full."""
    torrent = Torrent()
    async with served(Ask=stream(torrent)) as server, peer_of(server) as peer:
        asked = peer.ask()
        peer.http2.increment_flow_control_window(2**31 - 1 - 65_535)
        peer.http2.increment_flow_control_window(2**31 - 1 - 65_535, asked)
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await peer.send()
        (connection,) = await connected(server)
        await eventually(lambda: connection._http2.outgoing.waits(asked))
        assert connection._transport.get_write_buffer_size() < WINDOW
        before = torrent.written
        peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        while len(peer.replies[asked].data) < before + 10 * WINDOW:
            await peer.hear()
    assert torrent.has_ended


async def connected(server: Any) -> Any:
    await eventually(lambda: server.connections)
    return server.connections
