"""What a connection has to send, within the windows that its peer opened. Source: RFC 9113, 5.2 and 6.9.

Rule: streams take turns, a few frames each, so that a long reply holds no short one up.
"""

from collections import OrderedDict, deque

from serving.protocols.http2.frames import (
    END_HEADERS,
    END_STREAM,
    FIRST_WINDOW,
    LARGEST_WINDOW,
    SMALLEST_LARGEST_FRAME,
    Broken,
    Code,
    Kind,
    frame,
    frame_head,
)

Bytes = bytes | memoryview

_TURN = 16  # frames


class Outgoing:
    """`out` is what goes to the peer next, in this order; who takes it empties it."""

    def __init__(self) -> None:
        self.out: list[Bytes] = []
        self.is_held = False
        """While the peer does not take what was written: bodies wait."""
        self.largest_frame = SMALLEST_LARGEST_FRAME
        self._first_window = self._window = FIRST_WINDOW
        self._windows: dict[int, int] = {}
        self._bodies: dict[int, _Body] = {}  # that are not sent yet
        self._turns: OrderedDict[int, _Body] = OrderedDict()  # of those, whose streams have a window; the next is first

    def __repr__(self) -> str:
        return f"<Outgoing {len(self._bodies)} bodies wait, {self._window} bytes of window>"

    def open(self, stream: int) -> None:
        self._windows[stream] = self._first_window

    def drop(self, stream: int) -> None:
        self._windows.pop(stream, None)
        if self._bodies.pop(stream, None) is not None:
            self._turns.pop(stream, None)

    def waits(self, stream: int) -> bool:
        """Whether some of its body is not in `out` yet."""
        return stream in self._bodies

    def reply(self, stream: int, head: bytes, body: bytes, trailers: bytes) -> bool:
        """All of it. Whether it is in `out`."""
        size = len(body)
        if size > self._window or size > self._windows[stream] or size > self.largest_frame or self.is_held:
            self.head(stream, head)
            return self.send(stream, body, trailers)
        self._window -= size
        self.out += (
            frame_head(len(head), Kind.HEADERS, END_HEADERS, stream),
            head,
            frame_head(size, Kind.DATA, 0, stream),
            body,
            frame_head(len(trailers), Kind.HEADERS, END_HEADERS | END_STREAM, stream),
            trailers,
        )
        return True

    def head(self, stream: int, head: bytes, is_all: bool = False) -> None:
        flags = END_HEADERS | END_STREAM if is_all else END_HEADERS
        self.out += (frame_head(len(head), Kind.HEADERS, flags, stream), head)

    def send(self, stream: int, piece: Bytes, trailers: bytes | None = None) -> bool:
        """`trailers` end the stream. Whether all is in `out`."""
        waiting = self._bodies.get(stream)
        body = self._bodies[stream] = waiting or _Body()
        if len(piece):
            body.pieces.append(memoryview(piece))
        body.trailers = trailers
        return waiting is None and self._advance(stream, body)

    @property
    def can_go_on(self) -> bool:
        """Whether the peer would take more of what waits."""
        return bool(self._turns) and not self.is_held and self._window > 0

    def go_on(self) -> list[int]:
        """A turn for each stream that can be sent; those whose bodies are in `out` now."""
        sent = []
        for _ in range(len(self._turns)):
            if not self.can_go_on:
                break
            stream, body = next(iter(self._turns.items()))
            if self._advance(stream, body):
                sent.append(stream)
        return sent

    def more_window(self, more: int) -> None:
        """The connection's. Raises `Broken` for too much of it."""
        self._window += more
        if self._window > LARGEST_WINDOW:
            raise Broken(Code.FLOW_CONTROL_ERROR, f"a WINDOW_UPDATE of {more} makes the window too large")

    def more_window_of(self, stream: int, more: int) -> bool:
        """Whether the stream's window may be that large."""
        window = self._windows[stream] = self._windows[stream] + more
        if window > 0 and stream in self._bodies:
            self._turns[stream] = self._bodies[stream]
        return window <= LARGEST_WINDOW

    def first_window(self, size: int) -> None:
        """For streams to come; those that are there change by the difference, which may close them."""
        more, self._first_window = size - self._first_window, size
        for stream in self._windows:
            self._windows[stream] += more
            if self._windows[stream] > LARGEST_WINDOW:
                raise Broken(Code.FLOW_CONTROL_ERROR, f"SETTINGS_INITIAL_WINDOW_SIZE {size} makes a window too large")
        self._turns.update((stream, body) for stream, body in self._bodies.items() if self._windows[stream] > 0)

    def _advance(self, stream: int, body: "_Body") -> bool:
        """Whether all is in `out`. If not, others are next."""
        for _ in range(_TURN):
            if self.is_held or not body.pieces:
                break
            size = min(len(body.pieces[0]), self.largest_frame, self._window, self._windows[stream])
            if size <= 0:
                break
            piece = body.pieces.popleft()
            if size < len(piece):
                body.pieces.appendleft(piece[size:])
                piece = piece[:size]
            self._window -= size
            self._windows[stream] -= size
            self.out += (frame_head(size, Kind.DATA, 0, stream), piece)
        self._turns.pop(stream, None)
        if body.pieces:
            if self._windows[stream] > 0:
                self._turns[stream] = body
            return False
        if body.trailers is not None:
            self.out.append(frame(Kind.HEADERS, END_HEADERS | END_STREAM, stream, body.trailers))
        del self._bodies[stream]
        return True


class _Body:
    __slots__ = ("pieces", "trailers")

    def __init__(self) -> None:
        self.pieces: deque[memoryview] = deque()
        self.trailers: bytes | None = None
