"""Usual tensor requests of callers with API keys. Rule: who may not ask goes the other way, where the door says so."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from serving.access.allowance import Allowance
from serving.access.gate import Caller, Gate
from serving.access.scope import Scope
from serving.transports.http.tensor_request import SMALL, Asked, Headers, Send, Target, Way


class KeyedWay:
    """A `Way` around another."""

    def __init__(self, way: Way, gate: Gate, clock: Callable[[], float] = time.monotonic) -> None:
        self.body = way.body
        self._target = way.target
        self._ask = way.ask
        self._gate = gate
        self._clock = clock

    def target(self, method: bytes, url: bytes, headers: Headers) -> Target | None:
        """A large body of somebody unknown gets no memory."""
        target = self._target(method, url, headers)
        if target is not None and target.length > SMALL and self._caller(target) is None:
            return None
        return target

    def ask(self, target: Target, body: Any, send: Send, is_lone: bool = False) -> Asked | bool:
        caller = self._caller(target)
        if caller is None:
            return False
        allowance = caller.allowance
        if allowance is None:
            return self._ask(target, body, send, is_lone)
        if allowance.enter(self._clock()):
            return False
        try:
            answer = self._ask(target, body, partial(_leave_and_send, allowance, send), is_lone)
        except BaseException:
            allowance.leave()
            raise
        if answer is False:
            allowance.undo()
        return answer

    def _caller(self, target: Target) -> Caller | None:
        caller = self._gate.find(target.key)
        return caller if caller is not None and Scope.INFERENCE in caller.scopes else None


class ClosedWay:
    """A `Way` that no request may go."""

    def target(self, *_: object) -> None:
        return None

    def body(self, _: Target) -> None:
        return None

    def ask(self, *_: object) -> bool:
        return False


def _leave_and_send(
    allowance: Allowance, send: Send, status: int, headers: Headers, body: Sequence[bytes | memoryview]
) -> None:
    allowance.leave()
    send(status, headers, body)
