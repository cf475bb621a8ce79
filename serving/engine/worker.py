"""The threads that run models, and the only place where a scheduler meets a clock.

Rule: the scheduler is touched under the pool's lock; models run, and answers are delivered, outside it. What is over
before a thread would have begun runs on the thread that submitted it.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic

from serving.engine.execution import Run, blame
from serving.engine.statistics import Times
from serving.errors import BackendFailed, ModelNotReady
from serving.scheduling.scheduler import HERE, Event, Plan, R, Scheduler

log = logging.getLogger("slipway")


@dataclass(slots=True)  # as quickly made as can be, and so are those in it
class Execution(Generic[R]):
    """What ran together, from when to when, in seconds of the pool's clock, and what came of it. It should have taken
    `expected` seconds; 0 where nobody knew."""

    batch: list[R]
    started: float
    ended: float
    run: Run
    expected: float = 0.0


_LONGEST_WAIT = 3600.0  # seconds; the platform's clocks can't count to what a config may ask for

_LOOK_AGAIN = 0.05  # seconds; only while an instance is down

Execute = Callable[[list[R]], Run]
"""Runs a batch on one instance."""

Deliver = Callable[[list[Event[R]], Execution[R] | None], None]
"""Called on a worker's thread with what to tell, after an execution or, without one, when requests expire."""


class WorkerPool(Generic[R]):
    """One thread per model instance, all asking one scheduler for work."""

    def __init__(
        self,
        name: str,
        scheduler: Scheduler[R],
        instances: Sequence[Execute[R]],
        deliver: Deliver[R],
        clock: Callable[[], float] = time.monotonic,
        are_up: Sequence[Callable[[], bool]] = (),
        soon: Callable[[Callable[[], None]], object] | None = None,
        deliver_here: Deliver[R] | None = None,
    ) -> None:
        """`are_up` says of each instance whether it can run anything now; without it, all can. With `soon`, which calls
        a function a little later on the thread that submits, instances are told of requests then, once for many. With
        `deliver_here` as well, what is quick runs there, and that is called instead of `deliver`."""
        self._are_up = () if scheduler.pins else are_up
        self._scheduler = scheduler
        self._deliver = deliver
        self._clock = clock
        self._soon = soon
        self._deliver_here = deliver_here
        self._executes = list(instances)
        self._idle: set[int] = set()  # instances whose threads wait for work
        self._lent: int | None = None  # the instance that runs something on the submitting thread
        self._is_told_soon = False
        self.broken = ""
        """Why nothing runs here any more, which no model's failure can be the reason of."""
        self._open: set[R] = set()  # whose callers wait
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [
            threading.Thread(target=self._run, args=[number], name=f"{name}-{number}", daemon=True)
            for number in range(len(instances))
        ]
        for thread in self._threads:
            thread.start()

    def __len__(self) -> int:
        """How many requests wait; may be read from any thread."""
        return len(self._scheduler)

    def submit(self, request: R) -> None:
        """Raises what the scheduler refuses with, and `ModelNotReady` once the pool stops."""
        with self._changed:
            if self._stopping:
                raise ModelNotReady(self.broken or "the model is unloading")
            self._scheduler.add(request, self._clock())
            self._open.add(request)
            if self._soon is None:
                self._wake()
            elif not self._is_told_soon:
                self._is_told_soon = True
                self._soon(self._tell)

    def run_alone(self, request: R) -> bool:
        """Instead of `submit`: at once and on this thread, so that it is told already. False, and nothing has happened,
        where others wait or that would take long."""
        with self._changed:
            if self._deliver_here is None or self._stopping or self._is_told_soon or not self._idle:
                return False
            plan = self._scheduler.begin_alone(request, self._clock())
            if plan is None:
                return False
            self._open.add(request)
            self._lent = next(iter(self._idle))
        try:
            self._run_here(self._lent, plan)
        except Exception as error:
            self._break(error)
        return True

    def cancel(self, request: R) -> None:
        with self._changed:
            self._scheduler.cancel(request)
            self._open.discard(request)
            if self._scheduler.pins:
                self._wake()  # the rest of a sequence that broke has to be told

    def expire(self) -> float:
        """Tell those who have waited too long, though every instance is busy; when that will be so of the next one, in
        seconds of the pool's clock."""
        with self._changed:
            events, soonest = self._scheduler.expire(self._clock())
            self._settled(events)
        if events:
            self._deliver(events, None)
        return soonest

    def drain(self) -> None:
        """Hold nothing back any more; what is submitted still runs."""
        with self._changed:
            self._scheduler.close()
            self._changed.notify_all()

    def stop(self, timeout: float) -> bool:
        """Finish what is queued, then end the threads; whether they ended within `timeout` seconds."""
        with self._changed:
            self._stopping = True
        self.drain()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, instance: int) -> None:
        try:
            self._work(instance)
        except BaseException as error:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        """By an error of the server's own. Nobody is left waiting for what will not come."""
        with self._changed:
            self.broken = f"its thread ended ({type(error).__name__}: {error}); only a start of the server anew helps"
            self._stopping = True
            lost, self._open = self._open, set()
            self._changed.notify_all()
        log.critical("%s: %s", self._threads[0].name, self.broken, exc_info=error)
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._deliver([Event(request, error=BackendFailed(self.broken)) for request in lost], None)

    def _work(self, instance: int) -> None:
        while (plan := self._next_batch(instance)) is not None and plan.batch is not None:
            execution = self._execute(instance, plan.batch, plan.expected)
            with self._changed:
                events = self._scheduler.complete(plan.batch, execution.run.outcomes, execution.ended, instance)
                self._settled(events)
            self._deliver(events, execution)
            del plan, execution, events  # tensors that nobody needs while it waits

    def _execute(self, instance: int, batch: list[R], expected: float) -> Execution[R]:
        started = self._clock()
        try:
            run = self._executes[instance](batch)
        except BaseException as error:  # a worker that died would leave its requests unanswered for ever
            run = Run([blame(error)] * len(batch), Times(0.0, 0.0, 0.0))
        return Execution(batch, started, self._clock(), run, expected)

    def _next_batch(self, instance: int) -> Plan[R] | None:
        """Wait for work, which the plan then has; None when the pool stops and the queue has run dry."""
        while True:
            if not self._has_turn(instance):
                return None
            with self._changed:
                if self._lent == instance:
                    self._wake()  # whatever woke this one
                    self._changed.wait()
                    continue
                plan = self._scheduler.schedule(self._clock(), instance)
                if plan.batch is None and not plan.events:
                    if plan.wake_at is None and self._stopping:
                        return None
                    self._idle.add(instance)
                    self._changed.wait(self._seconds_until(plan.wake_at))
                    self._idle.discard(instance)
                    continue
                self._settled(plan.events)
                if len(self._scheduler):  # more than this one takes
                    self._wake()
            if plan.events:
                self._deliver(plan.events, None)
            if plan.batch is not None:
                return plan

    def _has_turn(self, instance: int) -> bool:
        """An instance that is down would take all that waits, and fail at it, faster than those that are up can run; so
        it waits, and when the pool stops leaves the rest to them."""
        while self._are_up and not self._are_up[instance]() and any(is_up() for is_up in self._are_up):
            with self._changed:
                self._wake()  # whatever woke this one
                if self._stopping:
                    return False
            time.sleep(_LOOK_AGAIN)
        return True

    def _tell(self) -> None:
        try:
            with self._changed:
                self._is_told_soon = False
                borrowed = self._borrow()
                if borrowed is None:
                    self._wake()
            if borrowed is not None:
                self._run_here(*borrowed)
        except Exception as error:
            self._break(error)

    def _borrow(self) -> tuple[int, Plan[R]] | None:
        """An idle instance and what it will run at once, if that is quick."""
        now = self._clock()
        if self._deliver_here is None or not self._idle or not self._scheduler.is_quick(now):
            return None
        self._lent = next(iter(self._idle))
        return self._lent, self._scheduler.schedule(now, HERE)

    def _run_here(self, instance: int, plan: Plan[R]) -> None:
        assert self._deliver_here is not None
        if plan.events:
            self._deliver(plan.events, None)
        execution = None if plan.batch is None else self._execute(instance, plan.batch, plan.expected)
        events: list[Event[R]] = []
        with self._changed:
            self._lent = None
            if execution is not None:
                events = self._scheduler.complete(execution.batch, execution.run.outcomes, execution.ended, HERE)
            self._settled([*plan.events, *events])
            if self._stopping:
                self._changed.notify_all()
            elif len(self._scheduler):
                self._wake()
        if execution is not None:
            self._deliver_here(events, execution)

    def _settled(self, events: list[Event[R]]) -> None:
        self._open.difference_update([event.request for event in events])

    def _wake(self) -> None:
        """One idle instance; all of them where only one of them may be able to take what waits."""
        self._changed.notify(len(self._threads) if self._scheduler.pins else 1)

    def _seconds_until(self, wake_at: float | None) -> float | None:
        return None if wake_at is None else min(max(0.0, wake_at - self._clock()), _LONGEST_WAIT)
