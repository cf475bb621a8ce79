"""A call of the usual kind, which is no task: it is answered in the moment in which its answer is there.

Rule: it ends once, and gives back its place, its memory and its timer then.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass

import grpc

from serving.core.requests import Arrays, InferRequest
from serving.engine.pending import Pending
from serving.engine.served_model import ServedModel
from serving.protocols import grpc_wire
from serving.protocols.grpc_wire import HEAD, OK
from serving.protocols.known_messages import KnownReplies
from serving.transports.grpc.call import Wire
from serving.transports.grpc.calls import TOOK_LONGER, shortened, told
from serving.transports.held_memory import HeldMemory
from serving.transports.status import grpc_status

NAME = "ModelInfer"

_OK = grpc_wire.trailers(OK)
_LATE = grpc_wire.trailers_only(grpc.StatusCode.DEADLINE_EXCEEDED.value[0], "Deadline Exceeded")


@dataclass(frozen=True, slots=True)
class Common:
    """What calls have in common. `ended` counts them by method and code, `running` has those that have not."""

    memory: HeldMemory
    ended: Counter[tuple[str, str]]
    running: set[object]
    replies: KnownReplies


class FastCall:
    """An answer that nobody awaits: it is sent in the moment in which it is there. To a connection it is a call whose
    words are all said."""

    __slots__ = (
        "_common",
        "_is_cancelled",
        "_is_done",
        "_late",
        "_model",
        "_request",
        "_size",
        "_stream",
        "_wire",
        "pending",
    )

    def __init__(
        self, common: Common, wire: Wire, stream: int, model: ServedModel, request: InferRequest, size: int
    ) -> None:
        self._common = common
        self._wire = wire
        self._stream = stream
        self._model = model
        self._request = request
        self._size = size
        self._is_done = self._is_cancelled = False
        self.pending: Pending | None = None
        self._late: asyncio.TimerHandle | None = None

    # to the engine it is an `Answer`

    def done(self) -> bool:
        return self._is_done

    def cancelled(self) -> bool:
        return self._is_cancelled

    def cancel(self) -> bool:
        is_first, self._is_done = not self._is_done, True
        self._is_cancelled = self._is_cancelled or is_first
        return is_first

    def set_result(self, outputs: Arrays) -> None:
        self._is_done, self.pending = True, None  # which has the inputs, and this call
        try:
            body = grpc_wire.prefixed(self._common.replies.message(self._model.response(self._request, outputs)))
        except Exception as error:
            self.fail(error)
            return
        self._common.ended[NAME, grpc.StatusCode.OK.name] += 1
        if self._wire.reply(self._stream, HEAD, body, _OK):
            self._end()
        else:  # its caller may be slow to read, but its inputs are gone
            self._give_memory()

    def set_exception(self, error: Exception) -> None:
        self._is_done, self.pending = True, None
        self.fail(error)

    def fail(self, error: Exception) -> None:
        failure = told(error, NAME)
        status = grpc_status(failure)
        self._common.ended[NAME, status.name] += 1
        self._wire.refuse(self._stream, grpc_wire.trailers_only(status.value[0], shortened(str(failure))))
        self._end()

    # to its connection it is a call

    @property
    def is_running(self) -> bool:
        return self in self._common.running

    def came(self, data: bytes, is_last: bool) -> None:
        """Nothing more can."""

    def sent(self) -> None:
        self._end()

    def gone(self) -> None:
        """Its caller went away."""
        if self._give_up():
            self._common.ended[NAME, grpc.StatusCode.CANCELLED.name] += 1
        self._end()

    # to the server that stops

    def cut_off(self) -> None:
        if self._give_up():
            self.fail(TOOK_LONGER)
        else:  # answered, and not read by its caller
            self._wire.give_up(self._stream)
            self._end()

    # where its caller said how long it waits

    def within(self, seconds: float) -> None:
        self._late = asyncio.get_running_loop().call_later(seconds, self._too_late)

    def _too_late(self) -> None:
        if self._give_up():
            self._common.ended[NAME, grpc.StatusCode.CANCELLED.name] += 1
            self._wire.refuse(self._stream, _LATE)
        else:  # answered, and not read by its caller
            self._wire.give_up(self._stream)
        self._end()

    def _give_up(self) -> bool:
        """Whether it had no answer."""
        pending, self.pending = self.pending, None
        if pending is None or self._is_done:
            return False
        self._model.give_up(pending)
        return True

    def _end(self) -> None:
        if self in self._common.running:
            self._common.running.discard(self)
            if self._late is not None:
                self._late.cancel()
            self._give_memory()
            self._wire.ended(self._stream, was_asked=True)

    def _give_memory(self) -> None:
        self._common.memory.give(self._size)
        self._size = 0
