"""The thread that writes: one step after another, for all requests that are under way.

Rule: the batcher is touched under the lock; decoder and samplers are this thread's own and run outside it; tokens are
told as soon as they were chosen, first those of the rows that write, then each prompt's first; they become text
elsewhere.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from serving.backends.decoder import Decoder
from serving.core.generation import FinishReason, Token
from serving.core.steps import CopyRow, Step
from serving.engine.execution import blame
from serving.engine.writing import Said, Writing
from serving.errors import BackendFailed, ModelNotReady
from serving.sampling.sampler import sample
from serving.scheduling.continuous import ContinuousBatcher, ContinuousPlan

log = logging.getLogger("slipway")

_NONE = 0  # in the place of a token that could not be chosen


@dataclass(slots=True)
class Told:
    """What a part of a step gave whom, who failed with what, and whose time is over; `at` is in seconds of the thread's
    clock. The last part has the step."""

    at: float
    said: list[Said] = field(default_factory=list)
    failed: list[tuple[Writing, Exception]] = field(default_factory=list)
    expired: list[tuple[Writing, FinishReason]] = field(default_factory=list)
    step: Step | None = None


class WritingThread:
    def __init__(
        self,
        name: str,
        batcher: ContinuousBatcher,
        decoder: Decoder,
        deliver: Callable[[Told], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`deliver` is called on the thread, after each part of a step and when requests expire."""
        self._batcher = batcher
        self._decoder = decoder
        self._deliver = deliver
        self._clock = clock
        self.broken = ""
        """Why nothing is written any more, which no decoder's failure can be the reason of."""
        self._writings: dict[int, Writing] = {}  # by their sequence's identity
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, writing: Writing) -> None:
        """Raises `InvalidInput`, `Overloaded`, and `ModelNotReady` once the thread stops."""
        with self._changed:
            if self._stopping:
                raise ModelNotReady(self.broken or "the model is unloading")
            self._batcher.add(writing.sequence, self._clock())
            self._writings[id(writing.sequence)] = writing
            self._changed.notify()

    def cancel(self, writing: Writing) -> bool:
        """Before the next step; False where it is over."""
        with self._changed:
            if self._writings.pop(id(writing.sequence), None) is None:
                return False
            self._batcher.cancel(writing.sequence)
            self._changed.notify()
            return True

    def stop(self, timeout: float) -> bool:
        """Write what was accepted to its end, then end the thread; whether it ended within `timeout` seconds."""
        with self._changed:
            self._stopping = True
            self._batcher.close()
            self._changed.notify()
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        """By an error of the server's own. Nobody is left waiting for what will not come."""
        with self._changed:
            self.broken = f"its thread ended ({type(error).__name__}: {error}); only a start of the server anew helps"
            self._stopping = True
            lost, self._writings = list(self._writings.values()), {}
        log.critical("%s: %s", self._thread.name, self.broken, exc_info=error)
        failure = BackendFailed(self.broken)
        with suppress(RuntimeError):  # the loop is closed, and nobody waits
            self._deliver(Told(self._clock(), failed=[(writing, failure) for writing in lost]))

    def _work(self) -> None:
        while (begun := self._begin()) is not None:
            plan, writings, expired = begun
            if expired is not None:
                self._deliver(expired)
            if plan.step is not None:
                self._make(plan, plan.step, writings)
            del begun, plan, writings, expired

    def _begin(self) -> tuple[ContinuousPlan, list[Writing], Told | None] | None:
        """What to compute, for whom the next tokens are, and who expired; None when the thread stops and all was
        written."""
        with self._changed:
            while True:
                now = self._clock()
                plan = self._batcher.schedule(now)
                if plan.step is not None or plan.events:
                    break
                if self._stopping:
                    return None
                self._changed.wait(None if plan.wake_at is None else max(0.0, plan.wake_at - now))
            for sequence in plan.reading:
                writing = self._writings[id(sequence)]
                writing.begun = min(writing.begun, now)
            expired = self._expired(plan, now) if plan.events else None
            return plan, [self._writings[id(sequence)] for sequence in plan.sampled], expired

    def _expired(self, plan: ContinuousPlan, now: float) -> Told:
        told = Told(now)
        for event in plan.events:
            writing = self._writings.pop(id(event.request))
            if event.error is None:
                told.expired.append((writing, event.value))
            else:
                told.failed.append((writing, event.error))
        return told

    def _make(self, plan: ContinuousPlan, step: Step, writings: list[Writing]) -> None:
        """`writings` are those of `plan.sampled`."""
        try:
            move(self._decoder, step)
            rows = len(step.tokens)
            told = Told(self._clock())
            if rows:
                told = self._chosen(plan, self._decoder.decode(step.tokens, step.lengths), writings[:rows], 0)
            sampled = rows
            for sequence, chunk in zip(plan.reading, step.chunks, strict=True):
                if told.said or told.failed:
                    self._deliver(told)
                logits = self._decoder.prefill(chunk.row, chunk.tokens, chunk.start)
                told = Told(self._clock())
                if sampled < len(writings) and plan.sampled[sampled] is sequence:
                    told = self._chosen(plan, logits[None], writings[sampled : sampled + 1], sampled)
                    sampled += 1
        except BaseException as error:  # a decoder may raise anything, and the thread must go on
            told = self._failed(plan, blame(error))
        else:
            with self._changed:
                self._batcher.complete(plan, told.at)
        told.step = step
        self._deliver(told)

    def _chosen(self, plan: ContinuousPlan, logits: np.ndarray, writings: list[Writing], first: int) -> Told:
        """A token for each row of `logits`, which are those of `plan.sampled` from the `first` on."""
        tokens = sample(logits, [writing.sampler for writing in writings])
        ids = [_NONE if isinstance(token, Exception) else token.id for token in tokens]
        with self._changed:
            told = Told(self._clock())
            self._batcher.take(plan, ids, first)
            for writing, token in zip(writings, tokens, strict=True):
                self._tell(told, writing, token)
        return told

    def _tell(self, told: Told, writing: Writing, token: Token | Exception) -> None:
        """Unless its caller left meanwhile. The batcher knows nothing of what ends with a grammar or an error."""
        sequence = writing.sequence
        if id(sequence) not in self._writings:
            return
        if isinstance(token, Exception):
            self._batcher.cancel(sequence)
            told.failed.append((writing, token))
            del self._writings[id(sequence)]
            return
        if writing.sampler.stopped:
            self._batcher.finish(sequence, FinishReason.STOP)
        told.said.append(Said(writing, token, sequence.written, sequence.finish_reason))
        if sequence.finish_reason is not None:
            del self._writings[id(sequence)]

    def _failed(self, plan: ContinuousPlan, error: Exception) -> Told:
        told = Told(self._clock())
        with self._changed:
            for event in self._batcher.fail(plan, error):
                writing = self._writings.pop(id(event.request), None)
                if writing is not None:
                    told.failed.append((writing, error))
        return told


def move(decoder: Decoder, step: Step) -> None:
    for it in step.moves:
        if isinstance(it, CopyRow):
            decoder.copy(it.source, it.target, it.length)
        else:
            decoder.swap(it.first, it.second, it.length)
