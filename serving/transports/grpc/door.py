"""Where gRPC's calls come in: who asks, may it, and how much of it.

Rule: every service is added through here. Who is refused for its key is refused before its message is read.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from inspect import isasyncgenfunction
from typing import Any

import grpc

from serving.access.allowance import Allowance
from serving.access.gate import Asked, Caller, Gate, too_many
from serving.access.keys import shown_in
from serving.access.peers import grpc_address
from serving.access.scope import Scope
from serving.access.table import Needs, rpc_needs
from serving.errors import Forbidden, SlipwayError, TooManyRequests
from serving.transports import audit
from serving.transports.status import grpc_status

_CODES = {code.value[0]: code.name for code in grpc.StatusCode}


class GuardedServer:
    """What services are added to, in the place of `grpc.aio`'s own server."""

    def __init__(
        self, server: Any, gate: Gate, ended: Counter[tuple[str, str]], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`ended` counts calls by method and code, and gets those that are refused."""
        self._server = server
        self._gate = gate
        self._ended = ended
        self._clock = clock

    def add_generic_rpc_handlers(self, handlers: Sequence[Any]) -> None:
        self._server.add_generic_rpc_handlers([_Guarded(each, self) for each in handlers])

    def add_registered_method_handlers(self, *_: object) -> None:
        """They would answer in the place of the generic ones, which are the same, and nobody asked for each call."""

    def handler(self, handler: Any, details: Any) -> Any:
        """What answers a call that `handler` is for."""
        needs = rpc_needs(details.method)
        if needs is None:
            return self._refusal(Forbidden("nobody may call this"), details.method)
        is_admin = Scope.ADMIN in needs.scopes
        if self._gate.is_open and not is_admin:
            return handler
        asked = _asked(details, "")
        if is_admin and not self._gate.has_keys:  # where it comes from is known when it is answered
            return _unary(handler, self._audited(handler, needs, details, None))
        try:
            caller = self._gate.admit(needs, asked)
        except SlipwayError as error:
            return self._refusal(error, details.method, self._gate.find(asked.key) if is_admin else None, is_admin)
        if is_admin:
            return _unary(handler, self._audited(handler, needs, details, caller))
        return handler if caller.allowance is None else self._limited(handler, caller, details.method)

    def _audited(self, handler: Any, needs: Needs, details: Any, caller: Caller | None) -> Any:
        async def answer(message: Any, context: Any) -> Any:
            address, code = grpc_address(context.peer()), "CANCELLED"
            try:
                try:
                    known = caller or self._gate.admit(needs, _asked(details, address))
                except SlipwayError as error:
                    return await self._abort(context, error, details.method)
                response = await self._within(known, handler.unary_unary, details.method)(message, context)
                code = grpc.StatusCode.OK.name
                return response
            except BaseException:
                code = _CODES.get(_number(context.code()), code)
                raise
            finally:
                audit.tell(caller.name if caller else "", _what(details.method, message), address, code)

        return answer

    def _limited(self, handler: Any, caller: Caller, method: str) -> Any:
        if handler.unary_unary is not None:
            return _unary(handler, self._within(caller, handler.unary_unary, method))
        if handler.stream_stream is None or isasyncgenfunction(handler.stream_stream):  # reflection
            return handler
        return grpc.stream_stream_rpc_method_handler(
            self._within(caller, handler.stream_stream, method),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _within(self, caller: Caller, answer: Any, method: str) -> Any:
        """What the caller may ask. A stream's messages after the first wait for their turn."""
        allowance = caller.allowance
        if allowance is None:
            return answer

        async def limited(asked: Any, context: Any) -> Any:
            if wait := allowance.enter(self._clock()):
                return await self._abort(context, too_many(caller.name, wait), method)
            try:
                messages = _paced(asked, allowance, self._clock) if hasattr(asked, "__aiter__") else asked
                return await answer(messages, context)
            finally:
                allowance.leave()

        return limited

    def _refusal(self, error: SlipwayError, method: str, caller: Caller | None = None, is_audited: bool = False) -> Any:
        """A handler that reads nothing, for calls of any kind."""

        async def refuse(_: Any, context: Any) -> None:
            if is_audited:
                code = grpc_status(error).name
                audit.tell(caller.name if caller else "", _what(method), grpc_address(context.peer()), code)
            await self._abort(context, error, method)

        return grpc.stream_stream_rpc_method_handler(refuse)

    async def _abort(self, context: Any, error: SlipwayError, method: str) -> None:
        code = grpc_status(error)
        self._ended[_what(method), code.name] += 1
        retry = (("retry-after", str(error.retry_after)),) if isinstance(error, TooManyRequests) else ()
        await context.abort(code, str(error), retry)


class _Guarded(grpc.GenericRpcHandler):  # type: ignore[misc] # the library has no types
    def __init__(self, inner: Any, server: GuardedServer) -> None:
        self._inner = inner
        self._server = server

    def service(self, details: Any) -> Any:
        """None for a call that it is not for."""
        handler = self._inner.service(details)
        return None if handler is None else self._server.handler(handler, details)


async def _paced(
    messages: AsyncIterator[Any], allowance: Allowance, clock: Callable[[], float]
) -> AsyncGenerator[Any, None]:
    is_first = True  # which the call was let in for
    async for message in messages:
        while not is_first and (wait := allowance.take(clock())):
            await asyncio.sleep(wait)
        is_first = False
        yield message


def _asked(details: Any, address: str) -> Asked:
    pairs = [(name, value) for name, value in details.invocation_metadata or () if isinstance(value, str)]
    return Asked(shown_in(pairs), address, lambda wanted: next((value for name, value in pairs if name == wanted), ""))


def _unary(handler: Any, answer: Any) -> Any:
    return grpc.unary_unary_rpc_method_handler(answer, handler.request_deserializer, handler.response_serializer)


def _what(method: str, message: Any = None) -> str:
    """The RPC, and whom it is about where its message says so."""
    name = getattr(message, "model_name", "") or getattr(message, "name", "")
    return f"{method.rpartition('/')[2]} {name}".rstrip()


def _number(code: Any) -> int:
    return int(code.value[0]) if isinstance(code, grpc.StatusCode) else int(code or 0)
