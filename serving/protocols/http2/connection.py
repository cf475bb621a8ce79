"""The server's side of an HTTP/2 connection: what came becomes events, and what to say is in `outgoing.out`.

    bytes ─▶ receive ─▶ Asked, Piece, Dropped, Sent        reply, head, send, refuse, reset ─▶ outgoing.out ─▶ bytes

Source: RFC 9113, 5 and 6. Rule: what a peer may have us keep or do is limited: heads, streams, windows, streams that it
gives up, and frames that carry nothing.
"""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

from serving.core.bucket import Bucket
from serving.protocols.http2.events import Asked, Dropped, Event, Piece, Sent
from serving.protocols.http2.frames import (
    ACK,
    END_STREAM,
    Broken,
    Code,
    Kind,
    Setting,
    frame,
    goaway,
    read_settings,
)
from serving.protocols.http2.heads import HeadReader, Malformed, Pairs
from serving.protocols.http2.incoming import MOST_STREAMS, Incoming
from serving.protocols.http2.outgoing import Bytes, Outgoing
from serving.protocols.http2.reader import LARGEST_FRAME, LARGEST_HEAD, Frame, FrameReader

_RESETS = (10_000, 10_000)  # streams that end before their reply: at once, and a second
_CHATTER = (10_000, 10_000)  # frames that carry nothing of a request or a reply
_NEW_SETTINGS = 100  # of those: they are looked at for each stream

T = TypeVar("T")


class Http2Connection(Generic[T]):
    def __init__(self, make_head: Callable[[Pairs], T], now: float) -> None:
        """`make_head` may raise `Malformed`. `now` in seconds."""
        self.outgoing = Outgoing()
        self._reader = FrameReader()
        self._heads = HeadReader(make_head, LARGEST_HEAD)
        self._streams: dict[int, _Stream] = {}
        self._last_stream, self._most_stream = 0, 2**31 - 1  # that is answered
        self._events: list[Event[T]] = []
        self._resets, self._chatter = Bucket(*_RESETS, now), Bucket(*_CHATTER, now)
        self._now = now
        self._incoming = Incoming(self.outgoing.out)

    def __repr__(self) -> str:
        return f"<Http2Connection {len(self._streams)} streams>"

    @property
    def streams(self) -> int:
        """That are open."""
        return len(self._streams)

    @property
    def is_greeted(self) -> bool:
        """Whether the peer has said that it speaks HTTP/2."""
        return self._reader.is_greeted

    def is_open(self, stream: int) -> bool:
        return stream in self._streams

    def receive(self, data: bytes, now: float) -> list[Event[T]]:
        """Raises `Broken`, after which the connection can only be ended."""
        self._now = now
        for each in self._reader.read(data):
            _TOLD.get(each.kind, Http2Connection._passed_over)(self, each)  # extensions' frames, too
        return self._taken_events()

    def reply(self, stream: int, head: bytes, body: bytes, trailers: bytes) -> bool:
        """All there is to say. False where some of it has to wait, and `Sent` follows. To a stream that the peer gave
        up, of which there is an event, nothing is said, here and below."""
        record = self._streams.get(stream)
        if record is None:
            return True
        if self.outgoing.reply(stream, head, body, trailers):
            self._told(stream)
            return True
        record.is_ending = True
        return False

    def head(self, stream: int, head: bytes) -> None:
        if stream in self._streams:
            self.outgoing.head(stream, head)

    def send(self, stream: int, piece: Bytes, trailers: bytes | None = None) -> bool:
        """A piece of the body, and the `trailers` that end the stream. False where some of it has to wait, and `Sent`
        follows."""
        record = self._streams.get(stream)
        if record is None:
            return True
        is_sent = self.outgoing.send(stream, piece, trailers)
        if trailers is not None:
            record.is_ending = True
            if is_sent:
                self._told(stream)
        return is_sent

    def refuse(self, stream: int, head: bytes) -> None:
        """With a head that is all there is."""
        if stream in self._streams:
            self.outgoing.head(stream, head, is_all=True)
            self._told(stream)

    def reset(self, stream: int, code: Code) -> None:
        if stream in self._streams:
            self._incoming.cut_off(stream, code)
            self._forget(stream)

    def taken(self, stream: int, size: int) -> None:
        """So many bytes of what came are not kept any more, so that more may come."""
        self._incoming.taken(stream, size)

    def go_on(self) -> list[Event[T]]:
        """With what waits to be sent."""
        self._sent(self.outgoing.go_on())
        return self._taken_events()

    def leave(self) -> None:
        """Tell the peer to ask elsewhere; what it asks before it hears of that is answered."""
        self.outgoing.out.append(goaway(2**31 - 1, Code.NO_ERROR))

    def end(self, code: Code = Code.NO_ERROR, text: str = "") -> None:
        """Nothing that is asked from now on is answered."""
        self._most_stream = self._last_stream
        self.outgoing.out.append(goaway(self._last_stream, code, text))

    def ping(self) -> None:
        """To be answered, which is a sign of life as anything else that comes."""
        self.outgoing.out.append(frame(Kind.PING, 0, 0, bytes(8)))

    def _data(self, data: Frame) -> None:
        _, flags, stream, payload, size = data
        self._incoming.came(size)
        is_last = bool(flags & END_STREAM)
        if not (payload or is_last):
            self._chat()
        record = self._streams.get(stream)
        if record is None:
            self._must_have_been(stream)
            if stream <= self._last_stream and not self._incoming.is_cut_off(stream):
                raise Broken(Code.STREAM_CLOSED, f"DATA on stream {stream}, which is over")
        elif record.is_heard:
            self._lose(stream, Code.STREAM_CLOSED)
        elif not self._incoming.fits(stream, size):
            self._lose(stream, Code.FLOW_CONTROL_ERROR)
        else:
            if len(payload) < size:
                self.taken(stream, size - len(payload))
            if is_last:
                self._heard(stream, record)
            self._events.append(Piece(stream, payload, is_last))

    def _head(self, head: Frame) -> None:
        asked = self._heads.read(head.payload)
        stream, is_all = head.stream, bool(head.flags & END_STREAM)
        record = self._streams.get(stream)
        if record is not None:
            self._trailers(stream, record, is_all, isinstance(asked, Malformed) and asked.may_end_one)
        elif stream % 2 == 0 or stream <= self._last_stream:
            self._too_late(stream)
        elif stream <= self._most_stream:
            self._last_stream = stream
            if isinstance(asked, Malformed) or len(self._streams) >= MOST_STREAMS:
                self._chat()
                code = Code.PROTOCOL_ERROR if isinstance(asked, Malformed) else Code.REFUSED_STREAM
                self._incoming.cut_off(stream, code)
            else:
                self._streams[stream] = _Stream(is_all)
                self._incoming.open(stream)
                self.outgoing.open(stream)
                self._events.append(Asked(stream, asked, is_all))

    def _trailers(self, stream: int, record: "_Stream", is_all: bool, is_sound: bool) -> None:
        if record.is_heard or not (is_all and is_sound):
            self._lose(stream, Code.STREAM_CLOSED if record.is_heard else Code.PROTOCOL_ERROR)
            return
        self._heard(stream, record)
        self._events.append(Piece(stream, b"", is_last=True))

    def _too_late(self, stream: int) -> None:
        if not self._incoming.is_cut_off(stream):
            code = Code.STREAM_CLOSED if stream == self._last_stream > 0 else Code.PROTOCOL_ERROR
            raise Broken(code, f"a request on stream {stream} after one on {self._last_stream}")
        self._chat()

    def _heard(self, stream: int, record: "_Stream") -> None:
        record.is_heard = True
        self._incoming.drop(stream)

    def _rst_stream(self, reset: Frame) -> None:
        if reset.stream in self._streams:
            self._drop(reset.stream)
        else:
            self._chat()
            self._must_have_been(reset.stream)

    def _settings(self, said: Frame) -> None:
        self._chat(1 if said.flags & ACK else _NEW_SETTINGS)
        if said.flags & ACK:
            return
        for setting, value in dict(read_settings(said.payload)).items():
            if setting == Setting.INITIAL_WINDOW_SIZE:
                self.outgoing.first_window(value)
            elif setting == Setting.MAX_FRAME_SIZE:
                self.outgoing.largest_frame = min(value, LARGEST_FRAME)
        self.outgoing.out.append(frame(Kind.SETTINGS, ACK, 0))
        self._sent(self.outgoing.go_on())

    def _ping(self, ping: Frame) -> None:
        self._chat()
        if not ping.flags & ACK:
            self.outgoing.out.append(frame(Kind.PING, ACK, 0, ping.payload))

    def _window_update(self, update: Frame) -> None:
        more, stream = int.from_bytes(update.payload, "big") & 0x7FFFFFFF, update.stream
        if stream == 0:
            if more == 0:
                raise Broken(Code.PROTOCOL_ERROR, "a WINDOW_UPDATE of nothing")
            self.outgoing.more_window(more)
        elif stream not in self._streams:
            self._must_have_been(stream)
        elif more == 0 or not self.outgoing.more_window_of(stream, more):
            self._lose(stream, Code.FLOW_CONTROL_ERROR if more else Code.PROTOCOL_ERROR)
        self._sent(self.outgoing.go_on())

    def _passed_over(self, _: Frame) -> None:
        self._chat()

    def _misplaced(self, frame: Frame) -> None:
        raise Broken(Code.PROTOCOL_ERROR, f"a {Kind(frame.kind).name} frame where none may be")

    def _must_have_been(self, stream: int) -> None:
        """Who sent this may not have heard that the stream is over."""
        if stream == 0 or stream % 2 == 0 or (stream > self._last_stream and self._most_stream == 2**31 - 1):
            raise Broken(Code.PROTOCOL_ERROR, f"a frame on stream {stream}, where nothing was asked")

    def _chat(self, cost: int = 1) -> None:
        if not self._chatter.take(self._now, cost):
            raise Broken(Code.ENHANCE_YOUR_CALM, "too many frames that carry nothing")

    def _lose(self, stream: int, code: Code) -> None:
        self._incoming.cut_off(stream, code)
        self._drop(stream)

    def _drop(self, stream: int) -> None:
        """By the peer's doing, be it that it says so or breaks a rule."""
        if not self._resets.take(self._now):
            raise Broken(Code.ENHANCE_YOUR_CALM, "too many requests are given up")
        self._forget(stream)
        self._events.append(Dropped(stream))

    def _sent(self, streams: list[int]) -> None:
        for stream in streams:
            self._events.append(Sent(stream))
            if self._streams[stream].is_ending:
                self._told(stream)

    def _told(self, stream: int) -> None:
        """Its end is in `outgoing.out`; the rest of what is asked there matters to nobody."""
        if not self._streams[stream].is_heard:
            self._incoming.cut_off(stream, Code.NO_ERROR)
        self._forget(stream)

    def _forget(self, stream: int) -> None:
        self._streams.pop(stream, None)
        self._incoming.drop(stream)
        self.outgoing.drop(stream)

    def _taken_events(self) -> list[Event[T]]:
        events, self._events = self._events, []
        return events


_TOLD: dict[int, Callable[[Http2Connection[Any], Frame], None]] = {
    Kind.DATA: Http2Connection._data,
    Kind.HEADERS: Http2Connection._head,
    Kind.RST_STREAM: Http2Connection._rst_stream,
    Kind.SETTINGS: Http2Connection._settings,
    Kind.PUSH_PROMISE: Http2Connection._misplaced,
    Kind.PING: Http2Connection._ping,
    Kind.WINDOW_UPDATE: Http2Connection._window_update,
    Kind.CONTINUATION: Http2Connection._misplaced,
}


class _Stream:
    """`is_heard`: what is asked is all there. `is_ending`: so is the reply, though it may not be sent."""

    __slots__ = ("is_ending", "is_heard")

    def __init__(self, is_heard: bool) -> None:
        self.is_heard = is_heard
        self.is_ending = False
