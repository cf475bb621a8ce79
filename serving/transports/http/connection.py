"""A connection's side of HTTP/1.1: uvicorn's, with a way past it for usual requests, and the manners of leaving.

Rule: whatever bytes come, requests that were accepted are answered, and what is refused is told why, in JSON.
"""

from collections.abc import Sequence
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from serving.transports.busy_poll import BusyPoll
from serving.transports.http.exchange import Exchange
from serving.transports.http.leaving import Leaving, has_unread
from serving.transports.http.limited_connection import LimitedConnection
from serving.transports.http.seen_request import Seen, seen
from serving.transports.http.tensor_request import Body, Headers, Target, Way

_IN_USE, _GRACE = 1.0, 0.2
"""Seconds. When the server stops, a connection that was used so lately may bring another request at any moment; so long
it is waited for, and its answer says that it was the last. One that is new will bring its first, and has the longer."""

_LAST_ANSWERS = 0.5
"""Seconds for answers to a client that sends no more. It has gone, or waits for them: nobody can tell which."""


class Connection(LimitedConnection):
    def __init__(
        self, *arguments: Any, fast_path: Way | None, busy_poll: BusyPoll, leaving: Leaving, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self._fast_path = fast_path
        self._busy_poll = busy_poll
        self._leaving = leaving
        self._target: Target | None = None  # of a request that may go that way and whose body is read
        self._body: Body | None = None  # which that is
        self._exchange = Exchange()
        self._seen: Seen | None = None  # the latest request of that way
        self._is_refused = False  # one that is like it and whole, by that way
        self._first = b""  # what came with the present request's first byte, if that was the first one
        self._idle_since = self.loop.time()
        self._is_last = False  # the next request, since the server stops
        self._latest_head: tuple[tuple[object, ...], bytes] = ((), b"")  # of what it was made
        self._pipelines = False  # it asks before it has the answer to what it asked before

    def connection_lost(self, exc: Exception | None) -> None:
        if self._exchange.answer is not None:
            self._exchange.answer.leave()
        if self._body is not None:
            self._body.drop()
            self._target = self._body = None
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override] # as asyncio has it
        """Whether the connection stays half open, which one that is encrypted can't."""
        is_waiting = not self._is_answered() and not self.cycle.more_body  # else it has left inside its request
        if not is_waiting or self.transport.get_extra_info("sslcontext") is not None:
            self.transport.close()  # with what was written in this turn
            return False
        self.cycle.keep_alive = False
        self.loop.call_later(_LAST_ANSWERS, self._close_unanswered)
        return True

    def _close_unanswered(self) -> None:
        if not self._is_answered():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._is_over:
            return
        data = self._unlike(data)
        if not data:
            return
        self._unset_keepalive_if_required()
        if self._is_between:
            self._first = data
        self.parse(data)

    def on_other_parser(self) -> None:
        self._first = b""

    def on_headers_complete(self) -> None:
        self.head_came()
        if self.parser.should_upgrade():
            return
        self._target = self._fast_target()
        if self._target is not None and self._fast_path is not None:
            self._body = self._fast_path.body(self._target)
        if self._body is None:
            self._before = cast("RequestResponseCycle | None", self.cycle)
            self._begin_cycle()

    def on_body(self, body: bytes) -> None:
        self.piece_came()
        if self._body is None:
            super().on_body(body)
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        if self.parser.should_upgrade():
            return
        self._is_between = True
        first, self._first = self._first, b""
        if self._target is not None and self._body is not None:
            target, body = self._target, self._body.whole()
            if self._ask(target, body):
                self._target = self._body = None
                self._seen = seen(target, first, body) if isinstance(body, bytes) else None
                return
            self._leave_fast_path(self._body)
        super().on_message_complete()

    def shutdown(self) -> None:
        if self._held:
            held, self._held, self._seen = self._held, b"", None
            self.data_received(held)
        if self._body is not None:  # a request has begun, which uvicorn must know
            self._leave_fast_path(self._body)
        left = self._idle_since + _IN_USE - self.loop.time()
        is_new = cast("RequestResponseCycle | None", self.cycle) is None
        if self._is_free() and left > 0:
            self._is_last = True
            self.loop.call_later(left if is_new else min(left, _GRACE), self._end)
        else:
            self._end()

    def _end(self) -> None:
        """When nothing has come of another request; closing would throw it away, and reset the connection."""
        if self._is_free() and (self._held or not self._is_between or has_unread(self.transport)):
            self._is_last = True
            self.loop.call_later(_GRACE, self._end)
        else:
            super().shutdown()

    def on_response_complete(self) -> None:
        self._idle_since = self.loop.time()
        super().on_response_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Set once, it stays while requests come that are not parsed."""
        left = self._idle_since + self.timeout_keep_alive - self.loop.time()
        is_used = left > 0 or self._held or not (self._is_between and self._is_answered())
        if is_used and not self.transport.is_closing():
            self.await_next(max(left, 1.0))
        else:
            super().timeout_keep_alive_handler()

    def _unlike(self, data: bytes) -> bytes:
        """What the parser must read: not a request whose head is that of the latest one, byte for byte, which says the
        same again. A body that comes in more than two pieces is not waited for."""
        seen = self._seen
        if seen is None:
            return data
        held, self._held = self._held, b""
        data = held + data if held else data
        if not (data.startswith(seen.head) and self._is_between and self._is_free()):
            return data
        missing = seen.size - len(data)
        if missing > 0 and not held:
            self.hold(data)
            return b""
        if missing:
            return data
        self._is_refused = not self._ask(seen.target, data[len(seen.head) :])
        return data if self._is_refused else b""

    def _leave_fast_path(self, body: Body) -> None:
        """With the request whose head and, as far as it came, body were kept from uvicorn."""
        self._target = self._body = None
        self._begin_cycle()
        super().on_body(body.so_far())

    def _begin_cycle(self) -> None:
        before = self._before
        super().on_headers_complete()
        if before is not None and not before.response_complete:
            self._pipelines = True
            if self._leaving.has_begun and not self._is_last:
                before.keep_alive = True
        self.cycle.keep_alive = self.cycle.keep_alive and not self._says_last()

    def _says_last(self) -> bool:
        return self._is_last or self._is_surplus or (self._leaving.has_begun and not self._pipelines)

    def _is_free(self) -> bool:
        """To answer at once: nothing that came before is unanswered, and what was answered is read."""
        return self._is_answered() and not self.flow.write_paused

    def _is_answered(self) -> bool:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is None or cycle.response_complete

    def _fast_target(self) -> Target | None:
        is_refused, self._is_refused = self._is_refused, False
        if self._fast_path is None or is_refused or not self._is_free():
            return None
        if self.parser.get_http_version() != "1.1" or not self.parser.should_keep_alive():
            return None
        return self._fast_path.target(self.parser.get_method(), self.url, self.headers)

    def _ask(self, target: Target, body: Any) -> bool:
        """False where the request must go the other way."""
        assert self._fast_path is not None
        exchange, before = self._exchange, self.cycle
        exchange.response_complete, exchange.answer = False, None
        exchange.keep_alive = not self._says_last()
        is_lone = self._busy_poll.asked() and exchange.keep_alive  # else it closes before what came with it is seen
        self.cycle = exchange  # type: ignore[assignment]
        answer = self._fast_path.ask(target, body, self._reply, is_lone)
        if answer is False:
            exchange.response_complete, self.cycle = True, before
            return False
        if answer is not True and not answer.done():
            exchange.answer = answer
            self.tasks.add(answer)  # type: ignore[arg-type] # which uvicorn waits for, and cancels, when it stops
        return True

    def _reply(self, status: int, headers: Headers, body: Sequence[bytes | memoryview]) -> None:
        exchange = self._exchange
        exchange.response_complete = True
        self.tasks.discard(exchange.answer)
        exchange.answer = None  # which has the request's tensors
        self._out.write_now([self._head(status, headers), *body])
        if not exchange.keep_alive:
            self.transport.close()
        self._busy_poll.answered(self.loop, is_idle=not self.tasks)
        self._idle_since = self.loop.time()
        if self.timeout_keep_alive_task is None or self.pipeline or self.flow.read_paused:
            self.on_response_complete()
        else:
            self.server_state.total_requests += 1

    def _head(self, status: int, headers: Headers) -> bytes:
        """Mostly that of the answer before."""
        made_of = (status, self.server_state.default_headers, headers, self._exchange.keep_alive)
        if made_of != self._latest_head[0]:
            lines = [name + b": " + value + b"\r\n" for name, value in (*self.server_state.default_headers, *headers)]
            if not self._exchange.keep_alive:
                lines.append(b"connection: close\r\n")
            self._latest_head = made_of, b"".join([STATUS_LINE[status], *lines, b"\r\n"])
        return self._latest_head[1]
