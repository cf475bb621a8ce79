"""A caller's connection: HTTP/2 between the socket and the calls.

Rule: who says nothing for long, or does not speak HTTP/2, is let go; who does not read, is not read.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Protocol, cast
from urllib.parse import quote

from serving.protocols.grpc_wire import CallHead, read_call
from serving.protocols.http2.connection import Http2Connection
from serving.protocols.http2.events import Asked, Event, Piece, Sent
from serving.protocols.http2.frames import Broken, Code
from serving.transports.busy_poll import BusyPoll
from serving.transports.grpc.call import Call, Wire
from serving.transports.grpc.fast_calls import FastCall

_GREETING, _IDLE, _ALIVE = 10.0, 300.0, 20.0
"""Seconds for the first words, without a call, and for a sign of life where a call runs but nothing came."""

_WORTH_COPYING = 64 * 1024  # bytes

_NOT_HTTP2 = b"this port takes gRPC, which is HTTP/2; the server's HTTP port takes HTTP/1.1\n"
_HTTP1 = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"


class Conversation(Protocol):
    """A call, as its connection sees it."""

    def came(self, data: bytes, is_last: bool) -> None: ...

    def sent(self) -> None: ...

    def gone(self) -> None: ...


AskFast = Callable[[Wire, int, CallHead, bytes], FastCall | None]
"""As `FastCalls.ask`."""


class Lookout:
    """For the next call on any connection."""

    def __init__(self) -> None:
        self._busy_poll = BusyPoll()
        self._unanswered = 0

    def asked(self) -> bool:
        """As `BusyPoll.asked`."""
        self._unanswered += 1
        return self._busy_poll.asked() and self._unanswered == 1

    def answered(self, loop: asyncio.AbstractEventLoop) -> None:
        self._unanswered -= 1
        self._busy_poll.answered(loop, is_idle=not self._unanswered)


class RpcConnection(asyncio.Protocol):
    def __init__(
        self,
        find: Callable[[CallHead], Any],
        ask_fast: AskFast | None,
        largest: int,
        lookout: Lookout,
        connections: "set[RpcConnection]",
        age: float,
    ) -> None:
        """`find` gives the handler of a call's method. `largest` in bytes, of a message. After `age` seconds, 0 for
        any time, its caller is asked to connect anew."""
        self.peer = ""
        self._find = find
        self._ask_fast = ask_fast
        self._largest = largest
        self._lookout = lookout
        self._connections = connections
        self._age = age
        self._calls: dict[int, Conversation] = {}
        self._is_leaving = self._is_ending = False
        self._is_asked = False  # for a sign of life
        self._timers: list[asyncio.TimerHandle] = []

    def __repr__(self) -> str:
        return f"<RpcConnection {self.peer} {len(self._calls)} calls>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self.peer = _peer(transport.get_extra_info("peername"))
        self._heard = time.monotonic()
        self._http2: Http2Connection[CallHead] = Http2Connection(read_call, self._heard)
        self._connections.add(self)
        self._timers.append(self._loop.call_later(_GREETING, self._greeted))
        if self._age:
            self._timers.append(self._loop.call_later(self._age, self.leave))
        self._flush()

    def data_received(self, data: bytes) -> None:
        self._heard = time.monotonic()
        self._is_asked = False
        try:
            self._tell(self._http2.receive(data, self._heard))
        except Broken as broken:
            self._break(broken)
            return
        self._flush()
        self._close_if_done()

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)
        for timer in self._timers:
            timer.cancel()
        for call in list(self._calls.values()):
            call.gone()

    def pause_writing(self) -> None:
        self._http2.outgoing.is_held = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._http2.outgoing.is_held = False
        self._transport.resume_reading()
        self._go_on()

    # what the server does with it

    def leave(self) -> None:
        """Its caller shall connect anew; what is asked until it has heard of that is answered."""
        if not self._is_leaving:
            self._is_leaving = True
            self._http2.leave()
            self._flush()
            self._timers.append(self._loop.call_later(1.0, self._end))

    def close(self) -> None:
        for call in list(self._calls.values()):
            call.gone()
        self._end()
        self._transport.close()

    # what calls do with it

    def reply(self, stream: int, head: bytes, body: bytes, trailers: bytes) -> bool:
        is_sent = self._http2.reply(stream, head, body, trailers)
        self._flush()
        return is_sent

    def head(self, stream: int, head: bytes) -> None:
        self._http2.head(stream, head)

    def send(self, stream: int, piece: bytes, trailers: bytes | None = None) -> bool:
        is_sent = self._http2.send(stream, piece, trailers)
        self._flush()
        return is_sent

    def refuse(self, stream: int, head: bytes) -> None:
        self._http2.refuse(stream, head)
        self._flush()

    def give_up(self, stream: int) -> None:
        self._http2.reset(stream, Code.CANCEL)
        self._flush()

    def taken(self, stream: int, size: int) -> None:
        self._http2.taken(stream, size)

    def asked(self) -> bool:
        return self._lookout.asked()

    def ended(self, stream: int, was_asked: bool) -> None:
        self._calls.pop(stream, None)
        if was_asked:
            self._lookout.answered(self._loop)
        if self._is_ending:
            self._close_if_done()

    # what happens on it

    def _tell(self, events: list[Event[CallHead]]) -> None:
        begun: Asked[CallHead] | None = None  # whose body may be what comes next, all of it
        for event in events:
            if begun is not None:
                asked, begun = begun, None
                if isinstance(event, Piece) and event.is_last and self._is_fast(asked, event):
                    continue
                self._asked(asked)
            if isinstance(event, Asked):
                begun = event
            elif call := self._calls.get(event.stream):
                if isinstance(event, Piece):
                    call.came(event.data, event.is_last)
                elif isinstance(event, Sent):
                    call.sent()
                else:
                    call.gone()
        if begun is not None:
            self._asked(begun)

    def _is_fast(self, asked: Asked[CallHead], body: Piece) -> bool:
        if self._ask_fast is None or asked.stream != body.stream or asked.head.refused is not None:
            return False
        call = self._ask_fast(self, asked.stream, asked.head, body.data)
        if call is not None and call.is_running:
            self._calls[asked.stream] = call
        return call is not None

    def _asked(self, asked: Asked[CallHead]) -> None:
        head = asked.head
        handler = None if head.refused is not None else self._find(head)
        call = Call(self, asked.stream, head, handler, self._largest)
        self._calls[asked.stream] = call
        call.begin()
        if asked.is_all:
            call.came(b"", is_last=True)

    def _flush(self) -> None:
        out = self._http2.outgoing.out
        if out and not self._transport.is_closing():
            if sum(map(len, out)) <= _WORTH_COPYING:
                self._transport.write(b"".join(out))
            else:
                self._transport.writelines(out)
        out.clear()
        if self._http2.outgoing.can_go_on:
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._tell(self._http2.go_on())
        self._flush()

    def _greeted(self) -> None:
        """At last, or it is let go; from then on it is looked at whether it says anything."""
        if not self._http2.is_greeted:
            self._transport.abort()
            return
        self._timers[0] = self._loop.call_later(_IDLE, self._look)

    def _look(self) -> None:
        quiet = time.monotonic() - self._heard
        if self._is_asked:
            self._transport.abort()
            return
        wait = _IDLE - quiet
        if wait <= 0 and not self._calls:
            self._end()
            self._close_if_done()
            return
        if wait <= 0:
            self._is_asked, wait = True, _ALIVE
            self._http2.ping()
            self._flush()
        self._timers[0] = self._loop.call_later(wait, self._look)

    def _break(self, broken: Broken) -> None:
        if not self._http2.is_greeted:
            self._transport.write(_HTTP1 % (len(_NOT_HTTP2), _NOT_HTTP2))
        else:
            self._http2.end(broken.code, str(broken))
            self._flush()
        for call in list(self._calls.values()):
            call.gone()
        self._transport.close()

    def _end(self) -> None:
        self._is_ending = True
        self._http2.end()
        self._flush()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_ending and not self._calls:
            self._transport.close()


def _peer(name: Any) -> str:
    """As grpc writes it."""
    if not name:
        return "unix:"
    host, port = name[:2]
    return f"ipv6:{quote(f'[{host}]')}:{port}" if ":" in host else f"ipv4:{host}:{port}"
