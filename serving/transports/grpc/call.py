"""One call, from its head to its status: it reads messages, has them answered, and writes what is said to them.

Rule: a call ends once, be it answered, refused, too late or given up, and its task with it. To those who answer it is
what grpc calls the context.
"""

import asyncio
import logging
import time
from contextlib import aclosing
from math import inf
from typing import Any, NoReturn, Protocol, Self

import grpc

from serving.errors import Cancelled
from serving.protocols import grpc_wire
from serving.protocols.grpc_wire import HEAD, OK, CallHead, Message, Messages, Metadata, Refused
from serving.transports.grpc.inbox import Inbox
from serving.transports.held_memory import HeldMemory

log = logging.getLogger("slipway")

UNLIMITED = HeldMemory()
_OK = grpc_wire.trailers(OK)
_ROOM = 2**20  # bytes of messages that nobody has read, until the caller must wait


class Wire(Protocol):
    """Of the connection, what a call needs. True: it is on its way; else the call is told when it is."""

    peer: str

    def reply(self, stream: int, head: bytes, body: bytes, trailers: bytes) -> bool: ...

    def head(self, stream: int, head: bytes) -> None: ...

    def send(self, stream: int, piece: bytes, trailers: bytes | None = None) -> bool: ...

    def refuse(self, stream: int, head: bytes) -> None: ...

    def cut_off(self, stream: int, trailers: bytes) -> None: ...

    def give_up(self, stream: int) -> None: ...

    def taken(self, stream: int, size: int) -> None: ...

    def asked(self) -> bool: ...

    def ended(self, stream: int, was_asked: bool) -> None: ...


class Call:
    """Belongs to the event loop's thread. Its messages are read one after another, and written likewise."""

    def __init__(
        self, wire: Wire, stream: int, head: CallHead, handler: Any, largest: int, memory: HeldMemory = UNLIMITED
    ) -> None:
        """`handler` is grpc's, None for a method that there is not; `largest` in bytes, of a message. `memory` is for
        messages until they are read."""
        self._wire = wire
        self._stream = stream
        self._head = head
        self._handler = handler
        self._inbox = Inbox(Messages(head.encoding, largest), memory)
        self._is_heard = False  # all that the caller says
        self._more: asyncio.Future[None] | None = None  # of whoever waits for the caller to say more
        self._room: asyncio.Future[None] | None = None  # of whoever waits until what was written is on its way
        self._is_over = self._has_head = False  # the latter: it is sent
        self.is_lone = False  # nobody else asks, as far as anybody can tell
        self._status: Any = None
        self._text = ""
        self._trailing: Metadata = ()
        self._task: asyncio.Task[None] | None = None
        self._until = None if head.timeout is None else time.monotonic() + head.timeout
        self._late: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Call {self._head.method} {'over' if self._is_over else 'runs'}>"

    # what the connection tells it

    def begin(self) -> None:
        if self._head.refused is not None:
            self._refuse(self._head.refused)
        elif self._handler is None:
            self._refuse(Refused(grpc_wire.UNIMPLEMENTED, "Method not found!"))
        else:
            if self._head.timeout is not None:
                self._late = asyncio.get_running_loop().call_later(self._head.timeout, self._too_late)
            if self._handler.request_streaming:
                self._start()

    def came(self, data: bytes, is_last: bool) -> None:
        if self._is_over:
            return
        try:
            if data:
                self._inbox.put(data)
            if is_last and self._inbox.is_amid:
                raise Refused(grpc_wire.INTERNAL, "the call's last message is cut short")
            if not self._handler.request_streaming:
                self._check_single(is_last)
        except Refused as refused:
            self._refuse(refused)
            return
        self._is_heard = is_last
        if not is_last:
            self._give_room()
        if self._task is not None:
            _wake(self._more)
        elif is_last:
            self._start()

    def sent(self) -> None:
        _wake(self._room)

    def gone(self) -> None:
        """Nobody waits for it any more."""
        self._end()
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()

    # what those who answer ask of it

    def peer(self) -> str:
        return self._wire.peer

    def invocation_metadata(self) -> Metadata:
        return self._head.metadata

    def time_remaining(self) -> float | None:
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def done(self) -> bool:
        return self._is_over

    def code(self) -> Any:
        return self._status

    def set_trailing_metadata(self, metadata: Metadata) -> None:
        self._trailing = metadata

    async def abort(self, code: Any, details: str = "", trailing_metadata: Metadata = ()) -> NoReturn:
        self._status, self._text = code, details
        self._trailing = (*self._trailing, *trailing_metadata)
        raise grpc.aio.AbortError("the call has its status")

    async def write(self, reply: Any) -> None:
        """Returns when it is on its way, which takes as long as the caller takes to read. Raises `Cancelled`."""
        if not self._is_over:
            message = grpc_wire.prefixed(self._written(reply))
            if not self._has_head:
                self._wire.head(self._stream, HEAD)
                self._has_head = True
            if not self._wire.send(self._stream, message):
                await self._until_sent()
        if self._is_over:
            raise Cancelled("the caller went away")

    # the messages, to those who read them

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Any:
        while not self._inbox:
            if self._is_heard or self._is_over:
                raise StopAsyncIteration
            self._more = asyncio.get_running_loop().create_future()
            await self._more
        try:
            return self._made(await self._bytes(self._next()))
        except Refused as refused:
            self._refuse(refused)
            raise

    # how it is answered

    def _start(self) -> None:
        self.is_lone = self._wire.asked()
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        try:
            try:
                await self._answer()
            except grpc.aio.AbortError:
                await self._finish(self._status.value[0], self._text)
        except Refused as refused:
            self._refuse(refused)
        except Exception as error:
            if not (self._is_over and isinstance(error, Cancelled)):
                log.exception("%s failed", self._head.method)
            self._trailing = ()  # which may be what can't be written
            await self._finish(grpc_wire.UNKNOWN, "internal error; the server's log has the details")
        finally:
            self._give_up()
            self._task = None  # whose error may hold all that it had

    async def _answer(self) -> None:
        handler = self._handler
        asked = self if handler.request_streaming else self._made(await self._bytes(self._next()))
        if not handler.response_streaming:
            answer = handler.stream_unary if handler.request_streaming else handler.unary_unary
            await self._reply(await answer(asked, self))
            return
        answering = (handler.stream_stream if handler.request_streaming else handler.unary_stream)(asked, self)
        if hasattr(answering, "__aiter__"):
            async with aclosing(answering):
                async for reply in answering:
                    await self.write(reply)
        else:
            await answering
        await self._finish(OK, "")

    async def _reply(self, reply: Any) -> None:
        if self._is_over:
            return
        trailers = grpc_wire.trailers(OK, "", self._trailing) if self._trailing else _OK
        message = grpc_wire.prefixed(self._written(reply))
        self._has_head = True
        is_sent = self._wire.reply(self._stream, HEAD, message, trailers)
        del reply, message  # which may be large, and the caller slow to read
        if not is_sent:
            await self._until_sent()
        self._end()

    async def _finish(self, code: int, text: str) -> None:
        if self._is_over:
            return
        if not self._has_head:
            self._wire.refuse(self._stream, grpc_wire.trailers_only(code, text, self._trailing))
        elif not self._wire.send(self._stream, b"", grpc_wire.trailers(code, text, self._trailing)):
            await self._until_sent()
        self._end()

    async def _bytes(self, message: Message) -> bytes:
        return await asyncio.to_thread(message.unpacked) if message.is_packed else message.data

    def _made(self, data: bytes) -> Any:
        read = self._handler.request_deserializer
        return data if read is None else read(data)

    def _written(self, reply: Any) -> bytes:
        write = self._handler.response_serializer
        data: bytes = reply if write is None else write(reply)
        return data

    def _check_single(self, is_last: bool) -> None:
        count = len(self._inbox)
        if count > 1 or (is_last and not count):
            raise Refused(grpc_wire.INTERNAL, f"the method takes one message, and {'more' if count else 'none'} came")

    def _next(self) -> Message:
        message = self._inbox.next()
        self._give_room()
        return message

    def _give_room(self) -> None:
        """To a caller whose messages are read as they come, or who has not sent a whole one yet."""
        if room := self._inbox.room(_ROOM if self._handler.request_streaming else inf):
            self._wire.taken(self._stream, room)

    def _refuse(self, refused: Refused) -> None:
        if self._is_over:
            return
        if self._has_head:
            self._wire.cut_off(self._stream, grpc_wire.trailers(refused.code, str(refused)))
        else:
            self._wire.refuse(self._stream, grpc_wire.trailers_only(refused.code, str(refused), (), refused.http))
        self.gone()

    def _too_late(self) -> None:
        self._refuse(Refused(grpc.StatusCode.DEADLINE_EXCEEDED.value[0], "Deadline Exceeded"))

    def _give_up(self) -> None:
        if not self._is_over:
            self._wire.give_up(self._stream)
            self._end()

    def _end(self) -> None:
        if self._is_over:
            return
        self._is_over = True
        if self._late is not None:
            self._late.cancel()
        _wake(self._more)
        _wake(self._room)
        self._inbox.end()
        self._wire.ended(self._stream, was_asked=self._task is not None)

    async def _until_sent(self) -> None:
        self._room = asyncio.get_running_loop().create_future()
        await self._room


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
