"""What became of a model's requests: counted at once, and told when it is their turn.

Rule: belongs to the event loop's thread; each caller is told once, and one that went away not at all.
"""

import asyncio
import logging
import time
from math import inf

from serving.backends.gpu_faults import lasting_fault
from serving.core.timeline import Batch
from serving.engine.delivery import Delivery
from serving.engine.pending import Pending
from serving.engine.statistics import ModelStatistics
from serving.engine.worker import Execution
from serving.errors import BackendFailed, Cancelled, Overloaded
from serving.scheduling.arrival_order import ArrivalOrder
from serving.scheduling.scheduler import Event

log = logging.getLogger("slipway")

_BETWEEN_LOGGED_FAILURES = 10.0  # seconds


class Outcomes:
    def __init__(
        self, model: str, version: str, statistics: ModelStatistics, delivery: Delivery, in_order: bool
    ) -> None:
        """`in_order`: callers are told in the order in which they came."""
        self.gpu_fault = ""
        """Why the model's GPU is of no use any more."""
        self._model = model
        self._version = version
        self._statistics = statistics
        self._delivery = delivery
        self._order: ArrivalOrder[Pending] | None = ArrivalOrder() if in_order else None
        self._failure_logged = -inf  # when one was

    def accepted(self, pending: Pending) -> None:
        if self._order is not None:
            self._order.accept(pending)

    def refused(self, pending: Pending, error: Overloaded) -> None:
        self._statistics.record_failure(error, 0.0)
        self._statistics.objectives.refused(pending.promised)

    def given_up(self, pending: Pending) -> None:
        now = time.monotonic()
        if self._order is None or not self._order.is_held(pending):  # what is held was counted
            self._statistics.record_failure(Cancelled(), now - pending.arrived)
            self._statistics.objectives.given_up(pending.promised, now)
        if self._order is not None:
            _tell(self._order.forget(pending))

    def settle(self, events: list[Event[Pending]], execution: Execution[Pending] | None) -> None:
        """After an execution or, without one, when requests expire."""
        now = time.monotonic()
        if execution is not None:
            self._trace(execution)
        answered: list[Pending] = []
        awaited: list[Event[Pending]] = []
        for event in events:
            pending = event.request
            if pending.answer.done():  # its caller went away, and that was counted
                continue
            awaited.append(event)
            if event.error is None:
                answered.append(pending)
            else:
                self._statistics.objectives.failed(pending.promised, event.error)
                self._note_failure(event.error, now, pending)
        _tell(awaited if self._order is None else self._order.release(awaited))
        if execution is not None:
            self._statistics.objectives.answered([pending.promised for pending in answered], now)
            if execution.expected:  # which it is where somebody has a deadline
                asyncio.get_running_loop().call_soon(self._delivery.note, execution.ended)  # after those who were told
                self._statistics.misprediction.observe((execution.ended - execution.started) / execution.expected)
            self._statistics.record(
                [execution.started - pending.arrived for pending in answered],
                sum(pending.rows for pending in answered),
                execution.run.times,
                int(time.time() * 1000),
            )

    def _trace(self, execution: Execution[Pending]) -> None:
        batch: Batch | None = None
        for pending in execution.batch:
            if pending.timeline is None:
                continue
            if batch is None:
                rows, times = sum(each.rows for each in execution.batch), execution.run.times
                batch = Batch(
                    *(self._model, self._version, execution.started, len(execution.batch), rows),
                    *(times.compute_input, times.compute_infer, times.compute_output),
                )
            pending.timeline.record(pending.arrived, batch)

    def _note_failure(self, error: Exception, now: float, pending: Pending) -> None:
        """A model's own failures are logged, but not each of thousands."""
        self._statistics.record_failure(error, now - pending.arrived)
        if not isinstance(error, BackendFailed):
            return
        self.gpu_fault = self.gpu_fault or lasting_fault(str(error))
        if now - self._failure_logged < _BETWEEN_LOGGED_FAILURES:
            log.debug("%s version %s: %s", self._model, self._version, error, extra={"visit": pending.visit})
            return
        self._failure_logged = now
        words = (self._model, self._version, error)
        log.error("%s version %s: %s", *words, exc_info=error.__cause__, extra={"visit": pending.visit})


def _tell(events: list[Event[Pending]]) -> None:
    for event in events:
        answer = event.request.answer
        if answer.done():  # its caller went away
            continue
        if event.error is None:
            answer.set_result(event.value)
        else:
            answer.set_exception(event.error)
