"""The engine's end of the way between a gateway and it: asks come in, answers go out.

Rule: every ask has one answer, by the fast path or else by the application; when the gateway is gone, what it asked for
is dropped where it waits.
"""

import asyncio
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from serving.gateways import frames
from serving.gateways.frame_writer import FrameWriter
from serving.gateways.frames import Frame, Frames, Kind, Place
from serving.gateways.one_request import OneRequest
from serving.gateways.shared_memory import SharedMemory
from serving.transports.http.tensor_request import SMALL, Headers, Target, Way, with_path

_MOST_TARGETS = 1000
_LONGEST = 4096  # bytes, of what a target that is kept was made of


class Asked(NamedTuple):
    """What to do where the caller leaves, and where the server does."""

    leave: Callable[[], object]
    cut_off: Callable[[], object]


class EngineEnd(asyncio.Protocol):
    """Belongs to the event loop's thread."""

    def __init__(self, fast_path: Way, app: Any, memory: SharedMemory, on_up: Callable[[], object]) -> None:
        """`app` is the ASGI application that answers what is not for the fast path; `on_up` is called once the gateway
        takes connections."""
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_up = False
        self._fast_path = fast_path
        self._app = app
        self._memory = memory
        self._on_up = on_up
        self._loop = asyncio.get_running_loop()
        self._frames = Frames()
        self._targets: dict[tuple[bytes, int, int], Target] = {}  # clients ask again and again
        self._open: dict[int, Asked] = {}
        self._read: dict[int, weakref.ref[np.ndarray]] = {}
        self._replies: dict[int, Place] = {}

    @property
    def running(self) -> int:
        """Requests that are not answered yet."""
        return len(self._open)

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._writer = FrameWriter(transport, self._loop)

    def connection_lost(self, _: Exception | None) -> None:
        self.is_up = False
        self._memory.close()
        for asked in list(self._open.values()):
            asked.leave()
        if not self.gone.done():
            self.gone.set_result(None)

    def data_received(self, data: bytes) -> None:
        for frame in self._frames.feed(data):
            if frame.kind == Kind.ASK:
                self._ask(frame, frame.body)
            elif frame.kind == Kind.ASK_PLACED:
                self._ask(frame, self._placed(frame))
            elif frame.kind == Kind.CANCEL:
                if asked := self._open.get(frame.id):
                    asked.leave()
            elif frame.kind == Kind.FREE:
                self._memory.ours.free(self._replies.pop(frame.id))
            else:
                self.is_up = True
                self._on_up()

    def leave(self) -> None:
        """The gateway's clients shall go elsewhere."""
        self._writer.write(Kind.LEAVE)

    def stop(self) -> None:
        """The gateway takes no more connections, and ends when those that it has are done."""
        self._writer.write(Kind.STOP)

    def cut_off(self) -> int:
        """What still runs is told so; how much that is."""
        count = len(self._open)
        for asked in list(self._open.values()):
            asked.cut_off()
        return count

    def _ask(self, frame: Frame, body: bytes | memoryview) -> None:
        target = self._target(frame.text, frame.number, len(body))
        send = partial(self._answer, frame.id)
        answer = self._fast_path.ask(target, body, send)
        if answer is True:
            return
        if answer is False:
            request = OneRequest(target, body, send)
            task = self._loop.create_task(request.answer(self._app))
            self._open[frame.id] = Asked(request.leave, task.cancel)
        elif not answer.done():
            self._open[frame.id] = Asked(answer.leave, answer.cancel)

    def _target(self, asked: bytes, header_length: int, length: int) -> Target:
        known = (asked, header_length, length)
        target = self._targets.get(known)
        if target is None:
            url, accepts, timeout, key, *noted = asked.split(b"\n", 4)
            seconds = float(timeout) if timeout else None
            about = frames.decode_headers(noted[0]) if noted else ()
            codings, shown = accepts.decode("latin-1"), key.decode("latin-1")
            target = with_path(url, header_length, length, codings, seconds, about, shown)
            assert target is not None, "a gateway asks for nothing else"
            if noted:  # which differ from one request to the next
                return target
            if len(self._targets) >= _MOST_TARGETS:
                self._targets.clear()
            if len(asked) <= _LONGEST:
                self._targets[known] = target
        return target

    def _answer(self, of: int, status: int, headers: Headers, body: Sequence[bytes | memoryview]) -> None:
        self._open.pop(of, None)
        text = frames.encode_headers(headers)
        size = sum(map(len, body))
        place = self._memory.ours.take(size) if size > SMALL and not self._transport.is_closing() else None
        if place is None:
            self._writer.write(Kind.ANSWER, of, status, text, body)
            return
        self._replies[of] = place
        view, start = self._memory.view(place), 0
        for piece in body:
            view[start : start + len(piece)] = piece
            start += len(piece)
        self._writer.write(Kind.ANSWER_PLACED, of, status, text, [frames.encode_place(place)])

    def _placed(self, frame: Frame) -> memoryview:
        """The body in shared memory, which is free when the last array that points at it is gone, in any thread."""
        memory = np.frombuffer(self._memory.view(frames.decode_place(frame.body)), np.uint8)
        self._read[frame.id] = weakref.ref(memory, partial(self._on_let_go, frame.id))
        return memory.data

    def _on_let_go(self, of: int, _: object) -> None:
        with suppress(RuntimeError):  # the loop is closed
            self._loop.call_soon_threadsafe(self._let_go, of)

    def _let_go(self, of: int) -> None:
        del self._read[of]
        self._writer.write(Kind.FREED, of)
