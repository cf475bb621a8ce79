"""A caller's connection: HTTP/2 between the socket and the calls.

Rule: who says nothing for long, or does not speak HTTP/2, is let go; who does not read, is not read.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from random import uniform
from typing import Any, cast

from serving.access.peers import grpc_peer
from serving.protocols.grpc_wire import UNKNOWN, CallHead, Refused, read_call
from serving.protocols.http2.connection import Http2Connection
from serving.protocols.http2.events import Asked, Event, Piece, Sent
from serving.protocols.http2.frames import Broken, Code
from serving.transports.grpc.call import Call
from serving.transports.grpc.fast_call import FastCall
from serving.transports.grpc.fast_calls import AskFast
from serving.transports.grpc.lookout import Lookout
from serving.transports.grpc.rpc_limits import RpcLimits
from serving.transports.held_memory import HeldMemory

log = logging.getLogger("slipway")

_WORTH_COPYING = 64 * 1024  # bytes
_MUCH, _LONG = 64 * 1024, 0.002  # bytes at once, after which others are heard; where they took so long, for as long
_MOST_UNSENT = 2**20  # bytes, which replies' bodies are none of, until nothing more is read

_NOT_HTTP2 = b"this port takes gRPC, which is HTTP/2; the server's HTTP port takes HTTP/1.1\n"
_HTTP1 = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"


class RpcConnection(asyncio.Protocol):
    def __init__(
        self,
        find: Callable[[CallHead], Any],
        ask_fast: AskFast | None,
        lookout: Lookout,
        connections: "set[RpcConnection]",
        limits: RpcLimits,
        memory: HeldMemory,
    ) -> None:
        """`find` gives the handler of a call's method. `connections` are all that there are."""
        self.peer = ""
        self._limits = limits
        self._find = find
        self._ask_fast = ask_fast
        self._lookout = lookout
        self._memory = memory
        self._connections = connections
        self._calls: dict[int, Call | FastCall] = {}
        self._is_ending = False
        self._is_asked = False  # for a sign of life
        self._is_going_on = False  # soon
        self._timers: list[asyncio.TimerHandle] = []

    def __repr__(self) -> str:
        return f"<RpcConnection {self.peer} {len(self._calls)} calls>"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = cast(asyncio.Transport, transport)
        self.peer = grpc_peer(transport.get_extra_info("peername"))
        self._heard = time.monotonic()
        self._http2: Http2Connection[CallHead] = Http2Connection(read_call, self._heard)
        self._connections.add(self)
        self.lost: asyncio.Future[None] = self._loop.create_future()
        self._timers.append(self._loop.call_later(self._limits.greeting, self._greeted))
        if self._limits.age:  # not all at once who connected at once
            self._timers.append(self._loop.call_later(self._limits.age * uniform(0.9, 1.0), self.retire))
        if len(self._connections) > self._limits.connections:
            self._http2.end(Code.ENHANCE_YOUR_CALM, f"the server has {self._limits.connections:.0f} connections")
            self._flush()
            self._part()

    def data_received(self, data: bytes) -> None:
        if self._transport.is_closing():  # TLS says what it had still read
            return
        self._heard = time.monotonic()
        self._is_asked = False
        try:
            self._tell(self._http2.receive(data, self._heard))
        except Broken as broken:
            self._break(broken)
            return
        self._flush()
        self._close_if_done()
        if len(data) >= _MUCH and not self._transport.is_closing():
            self._transport.pause_reading()
            spent = time.monotonic() - self._heard
            self._loop.call_later(spent if spent > _LONG else 0.0, self._read_on)

    def connection_lost(self, _: Exception | None) -> None:
        self._connections.discard(self)
        for timer in self._timers:
            timer.cancel()
        self._give_up_all()
        if not self.lost.done():
            self.lost.set_result(None)

    def pause_writing(self) -> None:
        self._http2.outgoing.is_held = True

    def resume_writing(self) -> None:
        self._http2.outgoing.is_held = False
        self._read_on()
        self._go_on_soon()  # not now, which may be while something is being written

    # what the server does with it

    def leave(self) -> None:
        """Its caller shall connect anew; what it asks here nevertheless is answered."""
        self._http2.leave()
        self._flush()

    def retire(self) -> None:
        """The same, until the caller must have heard of that."""
        self.leave()
        self._timers.append(self._loop.call_later(self._limits.leaving, self._end))

    def close(self) -> None:
        self._give_up_all()
        self._end()

    def abort(self) -> None:
        self._transport.abort()

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

    def cut_off(self, stream: int, trailers: bytes) -> None:
        """What waits to be sent is not kept for a caller that does not read it."""
        if self._http2.outgoing.waits(stream):
            self.give_up(stream)
        else:
            self.send(stream, b"", trailers)

    def give_up(self, stream: int) -> None:
        self._http2.reset(stream, Code.CANCEL)
        self._flush()

    def taken(self, stream: int, size: int) -> None:
        self._http2.taken(stream, size)
        if self._http2.outgoing.out:
            self._flush()

    def asked(self) -> bool:
        return self._lookout.asked()

    def ended(self, stream: int, was_asked: bool) -> None:
        self._calls.pop(stream, None)
        if was_asked:
            self._lookout.answered(self._loop)
        if self._is_ending:
            self._close_if_done()

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
        head, handler = asked.head, None
        try:
            if head.refused is None:
                handler = self._find(head)
        except Exception:
            log.exception("%s failed", head.method)
            head = replace(head, refused=Refused(UNKNOWN, "internal error; the server's log has the details"))
        call = Call(self, asked.stream, head, handler, self._limits.largest, self._memory)
        self._calls[asked.stream] = call
        call.begin()
        if asked.is_all:
            call.came(b"", is_last=True)

    def _flush(self) -> None:
        out, transport = self._http2.outgoing.out, self._transport
        if transport.is_closing():
            out.clear()
            return
        if out:
            is_small, pieces = sum(map(len, out)) <= _WORTH_COPYING, tuple(out)
            out.clear()  # first, since what is written may have the transport call us
            if is_small:
                transport.write(b"".join(pieces))
            else:
                transport.writelines(pieces)
            if self._is_behind():
                transport.pause_reading()
        if self._http2.outgoing.can_go_on:
            self._go_on_soon()

    def _is_behind(self) -> bool:
        return self._http2.outgoing.is_held and self._transport.get_write_buffer_size() > _MOST_UNSENT

    def _read_on(self) -> None:
        if not (self._transport.is_closing() or self._is_behind()):
            self._transport.resume_reading()

    def _go_on_soon(self) -> None:
        if not self._is_going_on:
            self._is_going_on = True
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._is_going_on = False
        self._tell(self._http2.go_on())
        self._flush()

    def _greeted(self) -> None:
        """At last, or it is let go; from then on it is looked at whether it says anything."""
        if not self._http2.is_greeted:
            self._transport.abort()
            return
        self._timers[0] = self._loop.call_later(self._limits.idle, self._look)

    def _look(self) -> None:
        quiet = time.monotonic() - self._heard
        if self._is_asked:
            self._transport.abort()
            return
        wait = self._limits.idle - quiet
        if wait <= 0 and not self._calls:
            self._end()
            return
        if wait <= 0:
            self._is_asked, wait = True, self._limits.alive
            self._http2.ping()
            self._flush()
        self._timers[0] = self._loop.call_later(wait, self._look)

    def _break(self, broken: Broken) -> None:
        if not self._http2.is_greeted:
            self._transport.write(_HTTP1 % (len(_NOT_HTTP2), _NOT_HTTP2))
        else:
            self._http2.end(broken.code, str(broken))
            self._flush()
        self._give_up_all()
        self._part()

    def _give_up_all(self) -> None:
        for call in list(self._calls.values()):
            call.gone()

    def _end(self) -> None:
        self._is_ending = True
        self._http2.end()
        self._flush()
        self._close_if_done()

    def _close_if_done(self) -> None:
        if self._is_ending and not self._calls:
            self._part()

    def _part(self) -> None:
        if not self._transport.is_closing():
            self._transport.close()
            self._timers.append(self._loop.call_later(self._limits.parting, self._transport.abort))
