"""What a client that keeps the rules never sends, by the sections of RFC 9113: frame by frame, and what comes of it."""

from collections.abc import Iterable

import pytest

from serving.protocols.grpc_wire import HEAD, CallHead, read_call, trailers
from serving.protocols.http2.connection import MOST_STREAMS, Http2Connection
from serving.protocols.http2.events import Asked, Dropped, Event, Piece, Sent
from serving.protocols.http2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    LARGEST_WINDOW,
    PADDED,
    PREFACE,
    WITH_PRIORITY,
    Broken,
    Code,
    Kind,
    Setting,
    frame,
    frame_head,
    goaway,
    rst_stream,
    settings,
    window_update,
)
from serving.protocols.http2.heads import written
from serving.protocols.http2.incoming import STREAM_WINDOW
from serving.protocols.http2.reader import LARGEST_FRAME

GREETING = PREFACE + settings({})
PSEUDO = {b":method": b"POST", b":scheme": b"http", b":path": b"/m", b":authority": b"host"}
FIELDS = {b"content-type": b"application/grpc", b"te": b"trailers"}

WHOLE = END_HEADERS | END_STREAM


def block(fields: Iterable[tuple[bytes, bytes]] = (), pseudo: dict[bytes, bytes] = PSEUDO) -> bytes:
    return written([*pseudo.items(), *FIELDS.items(), *fields], None)


def ask(stream: int = 1, flags: int = END_HEADERS, head: bytes = block()) -> bytes:
    return frame(Kind.HEADERS, flags, stream, head)


def data(stream: int = 1, payload: bytes = b"x", flags: int = 0) -> bytes:
    return frame(Kind.DATA, flags, stream, payload)


def priority(stream: int, on: int) -> bytes:
    return frame(Kind.PRIORITY, 0, stream, on.to_bytes(4, "big") + b"\x10")


PING = frame(Kind.PING, 0, 0, bytes(8))
TRAILERS = frame(Kind.HEADERS, WHOLE, 1, written([(b"checksum", b"1")], None))


class Raw:
    """A connection that is told frames at `now`."""

    def __init__(self) -> None:
        self.http2 = Http2Connection(read_call, now=0.0)
        self.tell(GREETING)
        self.http2.outgoing.out.clear()

    def tell(self, *frames: bytes, now: float = 0.0) -> list[Event[CallHead]]:
        return self.http2.receive(b"".join(frames), now)

    def broken_by(self, *frames: bytes, now: float = 0.0) -> Code:
        with pytest.raises(Broken) as broken:
            self.tell(*frames, now=now)
        return broken.value.code

    def answer(self, stream: int = 1) -> None:
        self.http2.reply(stream, HEAD, b"", trailers(0))

    def resets(self) -> dict[int, int]:
        """Streams and codes."""
        out = [bytes(each) for each in self.http2.outgoing.out]
        said = [each for each in out if len(each) == 13 and each[3] == Kind.RST_STREAM]
        assert len({each[5:9] for each in said}) == len(said), "one for each stream"
        return {int.from_bytes(each[5:9], "big"): int.from_bytes(each[9:], "big") for each in said}

    def still_answers(self) -> bool:
        """After all that came, whether it is a connection as before."""
        self.http2.outgoing.out.clear()
        events = self.tell(PING, ask(2**31 - 1, WHOLE))
        pong = frame(Kind.PING, ACK, 0, bytes(8))
        return pong in self.http2.outgoing.out and isinstance(events[-1], Asked)


BREAKS = {
    "4.1 a frame that is larger than we said": (
        [frame_head(LARGEST_FRAME + 1, Kind.DATA, 0, 1)],
        Code.FRAME_SIZE_ERROR,
    ),
    "4.2 a large head": ([frame_head(LARGEST_FRAME + 1, Kind.HEADERS, WHOLE, 1)], Code.FRAME_SIZE_ERROR),
    "4.3 a head that can't be unpacked": ([ask(head=b"\x40\x01")], Code.COMPRESSION_ERROR),
    "4.3 a head with another between its frames": ([ask(flags=0), ask(3)], Code.PROTOCOL_ERROR),
    "4.3 a head with data between its frames": ([ask(flags=0), data()], Code.PROTOCOL_ERROR),
    "4.3 a head with what nobody knows between its frames": ([ask(flags=0), frame(0xFA, 0, 1)], Code.PROTOCOL_ERROR),
    "5.1 DATA where nothing was asked": ([data()], Code.PROTOCOL_ERROR),
    "5.1 RST_STREAM where nothing was asked": ([rst_stream(1, 8)], Code.PROTOCOL_ERROR),
    "5.1 WINDOW_UPDATE where nothing was asked": ([window_update(1, 1)], Code.PROTOCOL_ERROR),
    "5.1 CONTINUATION where nothing was asked": ([frame(Kind.CONTINUATION, WHOLE, 1)], Code.PROTOCOL_ERROR),
    "5.1 CONTINUATION after a whole request": (
        [ask(flags=WHOLE), frame(Kind.CONTINUATION, END_HEADERS, 1)],
        Code.PROTOCOL_ERROR,
    ),
    "5.1 DATA after giving up": ([ask(), rst_stream(1, 8), data()], Code.STREAM_CLOSED),
    "5.1 HEADERS after giving up": ([ask(), rst_stream(1, 8), ask()], Code.STREAM_CLOSED),
    "5.1 CONTINUATION after giving up": (
        [ask(), rst_stream(1, 8), frame(Kind.CONTINUATION, END_HEADERS, 1)],
        Code.PROTOCOL_ERROR,
    ),
    "5.1.1 a request on an even stream": ([ask(2)], Code.PROTOCOL_ERROR),
    "5.1.1 a request on a lower stream than the last": ([ask(5), ask(3)], Code.PROTOCOL_ERROR),
    "5.1 DATA on a lower stream than the last": ([ask(5), data(3)], Code.STREAM_CLOSED),
    "6.1 DATA on the connection": ([data(0)], Code.PROTOCOL_ERROR),
    "6.1 DATA on an even stream": ([ask(3), data(2)], Code.PROTOCOL_ERROR),
    "6.1 more padding than data": ([ask(), data(1, b"\x02\0", PADDED)], Code.PROTOCOL_ERROR),
    "6.1 padding that is missing": ([ask(), data(1, b"", PADDED)], Code.FRAME_SIZE_ERROR),
    "6.2 HEADERS on the connection": ([ask(0)], Code.PROTOCOL_ERROR),
    "6.2 more padding than head": ([ask(1, WHOLE | PADDED, b"\xff" + block())], Code.PROTOCOL_ERROR),
    "6.2 a priority that is missing": ([ask(1, WHOLE | WITH_PRIORITY, b"\0\0\0\0")], Code.FRAME_SIZE_ERROR),
    "6.3 PRIORITY on the connection": ([priority(0, 1)], Code.PROTOCOL_ERROR),
    "6.3 PRIORITY of another size": ([frame(Kind.PRIORITY, 0, 1, bytes(4))], Code.FRAME_SIZE_ERROR),
    "6.4 RST_STREAM on the connection": ([rst_stream(0, 8)], Code.PROTOCOL_ERROR),
    "6.4 RST_STREAM of another size": ([ask(), frame(Kind.RST_STREAM, 0, 1, bytes(3))], Code.FRAME_SIZE_ERROR),
    "6.5 SETTINGS on a stream": ([frame(Kind.SETTINGS, 0, 1)], Code.PROTOCOL_ERROR),
    "6.5 SETTINGS of another size": ([frame(Kind.SETTINGS, 0, 0, bytes(3))], Code.FRAME_SIZE_ERROR),
    "6.5 an acknowledgement with settings": ([frame(Kind.SETTINGS, ACK, 0, bytes(6))], Code.FRAME_SIZE_ERROR),
    "6.5.2 ENABLE_PUSH 2": ([settings({Setting.ENABLE_PUSH: 2})], Code.PROTOCOL_ERROR),
    "6.5.2 too large a window": ([settings({Setting.INITIAL_WINDOW_SIZE: 2**31})], Code.FLOW_CONTROL_ERROR),
    "6.5.2 too small a frame": ([settings({Setting.MAX_FRAME_SIZE: 2**14 - 1})], Code.PROTOCOL_ERROR),
    "6.5.2 too large a frame": ([settings({Setting.MAX_FRAME_SIZE: 2**24})], Code.PROTOCOL_ERROR),
    "6.6 PUSH_PROMISE": ([ask(), frame(Kind.PUSH_PROMISE, END_HEADERS, 1, bytes(4))], Code.PROTOCOL_ERROR),
    "6.7 PING on a stream": ([frame(Kind.PING, 0, 1, bytes(8))], Code.PROTOCOL_ERROR),
    "6.7 PING of another size": ([frame(Kind.PING, 0, 0, bytes(6))], Code.FRAME_SIZE_ERROR),
    "6.8 GOAWAY on a stream": ([frame(Kind.GOAWAY, 0, 1, bytes(8))], Code.PROTOCOL_ERROR),
    "6.8 GOAWAY of another size": ([frame(Kind.GOAWAY, 0, 0, bytes(7))], Code.FRAME_SIZE_ERROR),
    "6.9 WINDOW_UPDATE of nothing": ([window_update(0, 0)], Code.PROTOCOL_ERROR),
    "6.9 WINDOW_UPDATE of another size": ([frame(Kind.WINDOW_UPDATE, 0, 0, bytes(3))], Code.FRAME_SIZE_ERROR),
    "6.9.1 too large a window": ([window_update(0, LARGEST_WINDOW)], Code.FLOW_CONTROL_ERROR),
    "6.9.2 settings that make a window too large": (
        [ask(), window_update(1, 1), settings({Setting.INITIAL_WINDOW_SIZE: LARGEST_WINDOW})],
        Code.FLOW_CONTROL_ERROR,
    ),
    "6.10 CONTINUATION on the connection": (
        [ask(flags=0), frame(Kind.CONTINUATION, END_HEADERS, 0)],
        Code.PROTOCOL_ERROR,
    ),
    "6.10 CONTINUATION on another stream": (
        [ask(flags=0), frame(Kind.CONTINUATION, END_HEADERS, 3)],
        Code.PROTOCOL_ERROR,
    ),
    "6.10 CONTINUATION after data": (
        [ask(), data(), frame(Kind.CONTINUATION, END_HEADERS, 1)],
        Code.PROTOCOL_ERROR,
    ),
    "6.10 CONTINUATION after a head's last": (
        [ask(flags=0), frame(Kind.CONTINUATION, END_HEADERS, 1), frame(Kind.CONTINUATION, END_HEADERS, 1)],
        Code.PROTOCOL_ERROR,
    ),
}


@pytest.mark.parametrize("case", BREAKS)
def test_what_breaks_the_connection(case: str) -> None:
    frames, code = BREAKS[case]
    raw = Raw()
    raw.tell(*frames[:-1])
    assert raw.broken_by(frames[-1]) == code


@pytest.mark.parametrize(
    ("first", "code"),
    [
        (b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", Code.PROTOCOL_ERROR),
        (PREFACE[:-2] + b"XX", Code.PROTOCOL_ERROR),
        (PREFACE + PING, Code.PROTOCOL_ERROR),
        (PREFACE + ask(), Code.PROTOCOL_ERROR),
        (PREFACE + frame(Kind.SETTINGS, 0, 0, bytes(5)), Code.FRAME_SIZE_ERROR),
    ],
)
def test_3_4_a_connection_that_begins_otherwise(first: bytes, code: Code) -> None:
    with pytest.raises(Broken) as broken:
        Http2Connection(read_call, now=0.0).receive(first, now=0.0)
    assert broken.value.code == code


def without(name: bytes) -> dict[bytes, bytes]:
    return {each: value for each, value in PSEUDO.items() if each != name}


MALFORMED = {
    "8.2 an upper-case name": block([(b"X-Test", b"a")]),
    "8.2 a name with a space": block([(b"x test", b"a")]),
    "8.2 a name with a colon": block([(b"x:", b"a")]),
    "8.2 a name beyond ASCII": block([(b"\xe9", b"a")]),
    "8.2 no name": block([(b"", b"a")]),
    "8.2 a line feed in a value": block([(b"a", b"b\nc: d")]),
    "8.2 a carriage return in a value": block([(b"a", b"b\r")]),
    "8.2 a NUL in a value": block([(b"a", b"\0")]),
    "8.2 a NUL in the path": block(pseudo={**PSEUDO, b":path": b"/m\0"}),
    "8.2.2 connection": block([(b"connection", b"keep-alive")]),
    "8.2.2 transfer-encoding": block([(b"transfer-encoding", b"chunked")]),
    "8.2.2 te other than trailers": block([(b"te", b"trailers, deflate")]),
    "8.3 a pseudo-header that nobody knows": block(pseudo={**PSEUDO, b":test": b"a"}),
    "8.3 a reply's pseudo-header": block(pseudo={**PSEUDO, b":status": b"200"}),
    "8.3 a pseudo-header after others": block([(b":authority", b"host")], without(b":authority")),
    "8.3.1 an empty path": block(pseudo={**PSEUDO, b":path": b""}),
    "8.3.1 no method": block(pseudo=without(b":method")),
    "8.3.1 no scheme": block(pseudo=without(b":scheme")),
    "8.3.1 no path": block(pseudo=without(b":path")),
    "8.3.1 two methods": written([(b":method", b"POST")], None) + block(),
    "8.3.1 two paths": written([(b":path", b"/m")], None) + block(),
    "8.3 a CONNECT": written([(b":method", b"CONNECT"), (b":authority", b"host")], None),
    "8.1 trailers without a request": written([(b"checksum", b"1")], None),
    "8.1 nothing at all": b"",
}
LOSES = {case: ([ask(head=head)], Code.PROTOCOL_ERROR, False) for case, head in MALFORMED.items()} | {
    "5.1 DATA after the last": ([ask(flags=WHOLE), data()], Code.STREAM_CLOSED, True),
    "5.1 HEADERS after the last": ([ask(flags=WHOLE), ask()], Code.STREAM_CLOSED, True),
    "5.1 trailers after the last": ([ask(), data(flags=END_STREAM), TRAILERS], Code.STREAM_CLOSED, True),
    "6.9 WINDOW_UPDATE of nothing": ([ask(), window_update(1, 0)], Code.PROTOCOL_ERROR, True),
    "6.9.1 too large a window": ([ask(), window_update(1, LARGEST_WINDOW)], Code.FLOW_CONTROL_ERROR, True),
    "6.9.1 more data than the window": (
        [ask(), *[data(1, bytes(STREAM_WINDOW // 4))] * 4, data()],
        Code.FLOW_CONTROL_ERROR,
        True,
    ),
    "8.1 a head after data without an end": ([ask(), data(), ask(1)], Code.PROTOCOL_ERROR, True),
    "8.1 trailers with pseudo-headers": (
        [ask(), frame(Kind.HEADERS, WHOLE, 1, written([(b":method", b"POST")], None))],
        Code.PROTOCOL_ERROR,
        True,
    ),
    "8.1 a whole head as trailers": ([ask(), ask(1, WHOLE)], Code.PROTOCOL_ERROR, True),
    "8.2 malformed trailers": (
        [ask(), frame(Kind.HEADERS, WHOLE, 1, written([(b"Checksum", b"1")], None))],
        Code.PROTOCOL_ERROR,
        True,
    ),
}


@pytest.mark.parametrize("case", LOSES)
def test_what_ends_its_stream_alone(case: str) -> None:
    frames, code, was_begun = LOSES[case]
    raw = Raw()
    raw.tell(*frames[:-1])
    events = raw.tell(frames[-1])
    assert raw.resets() == {1: code}
    assert events == ([Dropped(1)] if was_begun else [])
    assert not raw.http2.is_open(1)
    assert raw.tell(data(), window_update(1, 1), rst_stream(1, 8), TRAILERS) == []  # that were on their way
    assert raw.still_answers()


PASSES = {
    "4.1 flags that nobody knows": [frame(Kind.PING, 0xFE, 0, bytes(8))],
    "4.1 a reserved bit": [frame(Kind.SETTINGS, 0, 2**31)],
    "4.2 a frame as large as we said": [ask(), data(1, bytes(LARGEST_FRAME))],
    "5.5 a frame that nobody knows": [frame(0x16, 0xFF, 0, b"abc"), ask(), frame(0x17, 0, 1, b"abc")],
    "5.1 PRIORITY where nothing was asked": [priority(1, 3)],
    "5.1 PRIORITY after giving up": [ask(), rst_stream(1, 8), priority(1, 3)],
    "5.1 WINDOW_UPDATE after giving up": [ask(), rst_stream(1, 8), window_update(1, 1), window_update(1, 0)],
    "5.1 RST_STREAM after giving up": [ask(), rst_stream(1, 8), rst_stream(1, 8)],
    "5.3 a stream that depends on itself": [
        priority(1, 1),
        ask(1, END_HEADERS | WITH_PRIORITY, b"\0\0\0\1\0" + block()),
    ],
    "6.5 an acknowledgement": [frame(Kind.SETTINGS, ACK, 0)],
    "6.5.2 a setting that nobody knows": [settings({}) + frame(Kind.SETTINGS, 0, 0, b"\xff\0" + bytes(4))],
    "6.5.3 settings that come twice": [settings({Setting.MAX_FRAME_SIZE: 2**14}) * 2],
    "6.7 a PING's answer": [frame(Kind.PING, ACK, 0, bytes(8))],
    "6.8 GOAWAY with a text": [goaway(0, 0, "bye")],
    "6.9 a window to the brim": [window_update(0, LARGEST_WINDOW - FIRST_WINDOW), ask(), window_update(1, 1)],
    "6.10 CONTINUATIONs with nothing": [
        ask(flags=0),
        *[frame(Kind.CONTINUATION, 0, 1)] * 9,
        frame(Kind.CONTINUATION, END_HEADERS, 1),
    ],
}


@pytest.mark.parametrize("case", PASSES)
def test_what_is_passed_over(case: str) -> None:
    raw = Raw()
    raw.tell(*PASSES[case])
    assert not raw.resets()
    assert raw.still_answers()


@pytest.mark.parametrize(
    ("last", "code"),
    [
        (data(), Code.STREAM_CLOSED),
        (ask(flags=WHOLE), Code.STREAM_CLOSED),
        (TRAILERS, Code.STREAM_CLOSED),
        (frame(Kind.CONTINUATION, END_HEADERS, 1), Code.PROTOCOL_ERROR),
    ],
)
def test_5_1_nothing_comes_after_what_was_asked_and_answered(last: bytes, code: Code) -> None:
    raw = Raw()
    raw.tell(ask(flags=WHOLE))
    raw.answer()
    assert raw.tell(window_update(1, 1), rst_stream(1, 0), priority(1, 3)) == []
    assert raw.broken_by(last) == code


def test_4_3_a_head_that_is_refused_changes_the_table_all_the_same() -> None:
    raw = Raw()
    raw.tell(ask(1, WHOLE, block([(b"X-Test", b"a")]) + b"\x40\x01b\x01c"))
    [asked] = raw.tell(ask(3, WHOLE, block() + b"\xbe"))
    assert isinstance(asked, Asked)
    assert asked.head.metadata == (("b", "c"),)


def test_5_1_2_more_streams_than_we_said_are_refused() -> None:
    raw = Raw()
    raw.tell(*(ask(stream) for stream in range(1, 2 * MOST_STREAMS, 2)))
    first, second = 2 * MOST_STREAMS + 1, 2 * MOST_STREAMS + 3
    assert raw.tell(ask(first), ask(second)) == []
    assert raw.resets() == dict.fromkeys((first, second), Code.REFUSED_STREAM)
    assert raw.tell(data(first), rst_stream(1, 8)) == [Dropped(1)]
    [asked] = raw.tell(ask(second + 2))
    assert isinstance(asked, Asked)
    assert repr(raw.http2) == f"<Http2Connection {MOST_STREAMS} streams>"


def test_6_5_3_of_several_values_the_last_counts() -> None:
    raw = Raw()
    raw.tell(ask(flags=WHOLE))
    twice = settings({Setting.INITIAL_WINDOW_SIZE: 5})[9:] + settings({Setting.INITIAL_WINDOW_SIZE: 3})[9:]
    raw.tell(frame(Kind.SETTINGS, 0, 0, twice))
    raw.http2.reply(1, HEAD, b"abcdef", b"")
    assert b"".join(raw.http2.outgoing.out).endswith(data(1, b"abc"))
    assert raw.tell(settings({Setting.INITIAL_WINDOW_SIZE: 6})) == [Sent(1)]
    assert data(1, b"def") in b"".join(raw.http2.outgoing.out)


def test_6_8_what_is_asked_after_the_end_is_not_answered() -> None:
    raw = Raw()
    raw.tell(ask(1, END_HEADERS, block() + b"\x40\x01b\x01c"))
    raw.http2.end()
    after = [ask(3, END_HEADERS, block() + b"\xbe"), data(3), window_update(3, 1), rst_stream(3, 8)]
    assert raw.tell(*after, ask(5), TRAILERS[:8] + b"\5" + TRAILERS[9:]) == []
    assert raw.tell(data(flags=END_STREAM)) == [Piece(1, b"x", is_last=True)]
    raw.answer()
    assert not raw.resets()
    assert raw.http2.streams == 0


FLOODS = {
    "pings": [PING],
    "pings' answers": [frame(Kind.PING, ACK, 0, bytes(8))],
    "settings' acknowledgements": [frame(Kind.SETTINGS, ACK, 0)],
    "frames that nobody knows": [frame(99, 0, 0)],
    "priorities": [priority(1, 3)],
    "GOAWAYs": [goaway(0, 0)],
    "empty data": [data(1, b"")],
    "padding": [data(1, b"\x05" + bytes(5), PADDED)],
    "resets of what is over": [rst_stream(3, 8)],
}


@pytest.mark.parametrize("flood", FLOODS)
def test_frames_that_carry_nothing_may_come_so_often_and_no_more(flood: str) -> None:
    raw = Raw()
    raw.tell(ask(), ask(3), rst_stream(3, 8), now=1.0)
    raw.tell(*FLOODS[flood] * 9_000, now=2.0)
    raw.tell(*FLOODS[flood] * 9_000, now=3.0)
    assert raw.broken_by(*FLOODS[flood] * 9_000, now=3.0) == Code.ENHANCE_YOUR_CALM


def test_new_settings_may_come_less_often() -> None:
    raw = Raw()
    raw.tell(settings({}) * 90, now=1.0)
    raw.tell(settings({}) * 90, now=2.0)
    assert raw.broken_by(settings({}) * 90, now=2.0) == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "dropped",
    [
        lambda stream: rst_stream(stream, 8),
        lambda stream: window_update(stream, 0),
        lambda stream: window_update(stream, LARGEST_WINDOW),
        lambda stream: ask(stream),
    ],
    ids=["by the peer", "a window of nothing", "too large a window", "a second head"],
)
def test_requests_may_be_given_up_so_often_and_no_more(dropped) -> None:
    """Also where it is a broken rule that has us give them up."""
    raw = Raw()
    dropping = [each for stream in range(1, 60_000, 2) for each in (ask(stream), dropped(stream))]
    raw.tell(*dropping[:19_000], now=1.0)
    raw.tell(*dropping[19_000:20_900], now=2.0)
    assert raw.broken_by(*dropping[20_900:], now=2.0) == Code.ENHANCE_YOUR_CALM


def test_requests_that_are_none_may_come_so_often_and_no_more() -> None:
    raw = Raw()
    wrong = [ask(stream, WHOLE, b"") for stream in range(1, 60_000, 2)]
    raw.tell(*wrong[:9_000], now=1.0)
    assert raw.broken_by(*wrong[9_000:], now=1.0) == Code.ENHANCE_YOUR_CALM


def test_data_and_windows_may_come_as_often_as_they_like() -> None:
    raw = Raw()
    raw.tell(ask(), ask(3), rst_stream(3, 8))
    raw.tell(*[data(), window_update(1, 1), window_update(3, 1), window_update(0, 1)] * 20_000)
    assert raw.still_answers()


def test_streams_without_a_window_cost_others_nothing() -> None:
    """Thousands wait; that one's window opens, or that a short reply goes, has nobody look at all of them."""
    raw = Raw()
    raw.tell(settings({Setting.INITIAL_WINDOW_SIZE: 0}), window_update(0, 2**20))
    streams = range(1, 2 * MOST_STREAMS, 2)
    raw.tell(*(ask(stream, WHOLE) for stream in streams))
    for stream in streams:
        raw.http2.reply(stream, HEAD, b"abc", trailers(0))
    assert not raw.http2.outgoing.can_go_on
    raw.http2.outgoing.out.clear()
    raw.tell(*[window_update(1, 1)] * 3)
    assert sum(each[3] == Kind.DATA for each in raw.http2.outgoing.out if len(each) == 9) == 3
    assert raw.http2.streams == MOST_STREAMS - 1
