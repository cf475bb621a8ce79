"""A gateway's end of the way to the engine: usual tensor requests go out, replies come in.

Rule: a place in shared memory has one owner at a time: the body that is read into it, then the ask, until the engine
says that nobody reads there any more.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from serving.gateways import frames
from serving.gateways.frame_writer import FrameWriter
from serving.gateways.frames import Frame, Frames, Kind, Place
from serving.gateways.shared_memory import SharedMemory
from serving.transports.http.tensor_request import (
    ALIGNMENT,
    SMALL,
    Body,
    Headers,
    LargeBody,
    Pieces,
    Send,
    Target,
    target_of,
)


class Placed(NamedTuple):
    """A body in shared memory: the part that was taken for it, and where it lies there."""

    taken: Place
    body: Place


class PlacedBody:
    """One that is written into shared memory as it comes."""

    __slots__ = ("_memory", "_placed", "_written", "append")

    def __init__(self, memory: SharedMemory, placed: Placed) -> None:
        """Owns the place."""
        self._memory = memory
        self._placed = placed
        self._written = LargeBody(memory.view(placed.body))
        self.append = self._written.append

    def whole(self) -> Placed:
        """Owned by who gets it."""
        return self._placed

    def so_far(self) -> bytes:
        content = self._written.so_far()
        self.drop()
        return content

    def drop(self) -> None:
        self._memory.ours.free(self._placed.taken)


class Ask:
    """One that waits for its answer."""

    __slots__ = ("_cancel", "send")

    def __init__(self, send: Send, cancel: Callable[[], None]) -> None:
        self.send = send
        self._cancel = cancel

    def done(self) -> bool:
        return False  # whoever has one waits for it

    def leave(self) -> None:
        self._cancel()

    def cancel(self, **_: object) -> None:  # with a message, as tasks have
        self._cancel()


class GatewayEnd(asyncio.Protocol):
    """A `Way` for connections' requests. Belongs to the event loop's thread."""

    def __init__(
        self,
        memory: SharedMemory,
        max_body_size: int,
        on_leave: Callable[[], None],
        on_stop: Callable[[], None],
        on_end: Callable[[], None],
    ) -> None:
        """`max_body_size` in bytes. `on_leave` is called when clients shall go elsewhere, `on_stop` when the server
        drains, `on_end` when its process is gone."""
        self._memory = memory
        self._largest = max_body_size
        self._on_leave = on_leave
        self._on_stop = on_stop
        self._on_end = on_end
        self._frames = Frames()
        self._latest = 0  # id
        self._open: dict[int, Ask] = {}
        self._bodies: dict[int, Place] = {}  # that the engine reads

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._writer = FrameWriter(transport, asyncio.get_running_loop())
        self._writer.write(Kind.UP)

    def connection_lost(self, _: Exception | None) -> None:
        self._on_end()

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if frame.kind == Kind.ANSWER:
                self._answer(frame, frame.body)
            elif frame.kind == Kind.ANSWER_PLACED:
                # Copied, so that a client that reads slowly keeps no place.
                body = bytes(self._memory.view(frames.decode_place(frame.body)))
                self._writer.write(Kind.FREE, frame.id)
                self._answer(frame, body)
            elif frame.kind == Kind.FREED:
                self._memory.ours.free(self._bodies.pop(frame.id))
            elif frame.kind == Kind.LEAVE:
                self._on_leave()
            else:
                self._on_stop()

    def target(self, method: bytes, url: bytes, headers: Headers) -> Target | None:
        return target_of(method, url, headers, self._largest)

    def body(self, target: Target) -> Body | None:
        if target.length <= SMALL:
            return Pieces()
        gap = -target.header_length % ALIGNMENT  # then the tensors lie well
        taken = self._memory.ours.take(gap + target.length)
        if taken is None:
            return None
        return PlacedBody(self._memory, Placed(taken, Place(taken.offset + gap, target.length)))

    def ask(self, target: Target, body: bytes | Placed, send: Send, _: bool = False) -> Ask:
        self._latest += 1
        head = f"{target.path}\n{target.accepts}\n{target.timeout or ''}\n{target.key}"
        of, path = self._latest, head.encode("latin-1")
        if target.noted:
            path += b"\n" + frames.encode_headers(target.noted)
        if isinstance(body, Placed):
            self._bodies[of] = body.taken
            self._writer.write(Kind.ASK_PLACED, of, target.header_length, path, [frames.encode_place(body.body)])
        else:
            self._writer.write(Kind.ASK, of, target.header_length, path, [body])
        ask = self._open[of] = Ask(send, lambda: self._cancel(of))
        return ask

    def _answer(self, frame: Frame, body: bytes) -> None:
        self._open.pop(frame.id).send(frame.number, frames.decode_headers(frame.text), [body])

    def _cancel(self, of: int) -> None:
        if of in self._open:
            self._writer.write(Kind.CANCEL, of)
