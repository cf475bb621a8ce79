"""The thread that writes: one step after another, for all requests that are under way.

Rule: the batcher is touched under the lock; decoder, sampler and text are this thread's own and run outside it; and the
event loop is woken once a step.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from serving.backends.decoder import Decoder
from serving.core.generation import Token
from serving.core.steps import CopyRow, Step
from serving.engine.execution import blame
from serving.engine.text_stream import Delta
from serving.engine.writing import Writing
from serving.errors import ModelNotReady
from serving.sampling.sampler import sample
from serving.scheduling.continuous import ContinuousBatcher, ContinuousPlan

_NONE = 0  # in the place of a token that could not be chosen


@dataclass(slots=True)
class Written:
    """What a step gave whom, and who failed with what; from when to when, in seconds of the thread's clock."""

    started: float
    ended: float = 0.0
    step: Step | None = None
    deltas: list[tuple[Writing, Delta]] = field(default_factory=list)
    failed: list[tuple[Writing, Exception]] = field(default_factory=list)


class WritingThread:
    def __init__(
        self,
        name: str,
        batcher: ContinuousBatcher,
        decoder: Decoder,
        deliver: Callable[[Written], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`deliver` is called on the thread, after each step and when requests expire."""
        self._batcher = batcher
        self._decoder = decoder
        self._deliver = deliver
        self._clock = clock
        self._writings: dict[int, Writing] = {}  # by their sequence's identity
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, writing: Writing) -> None:
        """Raises `InvalidInput`, `Overloaded`, and `ModelNotReady` once the thread stops."""
        with self._changed:
            if self._stopping:
                raise ModelNotReady("the model is unloading")
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
        while (begun := self._begin()) is not None:
            plan, written, writings = begun
            if plan.step is not None:
                self._write(plan, writings, written)
            written.ended = self._clock()
            self._deliver(written)
            del begun, plan, written, writings

    def _begin(self) -> tuple[ContinuousPlan, Written, list[Writing]] | None:
        """What to compute, who expired, and for whom the next tokens are; None when the thread stops and all was
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
            written = Written(now, step=plan.step)
            for event in plan.events:
                writing = self._writings.pop(id(event.request))
                if event.error is not None:
                    written.failed.append((writing, event.error))
                else:
                    written.deltas.append((writing, Delta("", (), event.value)))
            for sequence in plan.reading:
                writing = self._writings[id(sequence)]
                writing.begun = min(writing.begun, now)
            return plan, written, [self._writings[id(sequence)] for sequence in plan.sampled]

    def _write(self, plan: ContinuousPlan, writings: list[Writing], written: Written) -> None:
        try:
            logits = self._compute(plan)
            chosen = sample(logits, [writing.sampler for writing in writings]) if writings else []
        except BaseException as error:  # a decoder may raise anything, and the thread must go on
            self._fail(plan, blame(error), written)
            return
        ids = [_NONE if isinstance(token, Exception) else token.id for token in chosen]
        with self._changed:
            self._batcher.complete(plan, ids, self._clock())
            pairs = zip(writings, chosen, strict=True)
            there = [(writing, token) for writing, token in pairs if id(writing.sequence) in self._writings]
        self._tell([(writing, _taken(writing, token)) for writing, token in there], written)

    def _compute(self, plan: ContinuousPlan) -> np.ndarray:
        """Logits [n, V] for each of `plan.sampled`; of chunks that don't end their prompt nobody needs them."""
        step, decoder = plan.step, self._decoder
        assert step is not None
        for move in step.moves:
            if isinstance(move, CopyRow):
                decoder.copy(move.source, move.target, move.length)
            else:
                decoder.swap(move.first, move.second, move.length)
        logits = decoder.decode(step.tokens, step.lengths) if step.tokens else np.empty((0, decoder.vocab_size), "f4")
        sampled = set(map(id, plan.sampled))
        read = []
        for sequence, chunk in zip(plan.reading, step.chunks, strict=True):
            last = decoder.prefill(chunk.row, chunk.tokens, chunk.start)
            if id(sequence) in sampled:
                read.append(last.copy())
        return np.vstack([logits, *read]) if read else logits

    def _tell(self, taken: list[tuple[Writing, Delta | Exception]], written: Written) -> None:
        """Those whose callers did not leave meanwhile. The batcher knows nothing of what ended with a stop string, a
        grammar or an error."""
        with self._changed:
            for writing, delta in taken:
                sequence = writing.sequence
                if id(sequence) not in self._writings:
                    continue
                if isinstance(delta, Exception):
                    del self._writings[id(sequence)]
                    self._batcher.cancel(sequence)
                    written.failed.append((writing, delta))
                    continue
                written.deltas.append((writing, delta))
                if delta.finish_reason is not None:
                    del self._writings[id(sequence)]
                    self._batcher.finish(sequence, delta.finish_reason)

    def _fail(self, plan: ContinuousPlan, error: Exception, written: Written) -> None:
        with self._changed:
            for event in self._batcher.fail(plan, error):
                writing = self._writings.pop(id(event.request), None)
                if writing is not None:
                    written.failed.append((writing, error))


def _taken(writing: Writing, token: Token | Exception) -> Delta | Exception:
    if isinstance(token, Exception):
        return token
    try:
        return writing.take(token)
    except BaseException as error:  # a library of tokens may raise anything, and the others must go on
        return blame(error)
