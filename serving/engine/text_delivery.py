"""What the writing thread told becomes text, reaches its readers, and is counted.

Rule: on the event loop. An answer that ended with a stop string, or was given up, is told nothing more: the thread may
be ahead by as many tokens as it wrote meanwhile.
"""

import time
from collections.abc import Callable
from math import inf

from serving.core.generation import FinishReason
from serving.core.timeline import Written
from serving.engine.execution import blame
from serving.engine.generation_statistics import GenerationStatistics
from serving.engine.statistics import ModelStatistics, Times
from serving.engine.writing import Said, Writing
from serving.engine.writing_thread import Told
from serving.errors import Cancelled


class TextDelivery:
    def __init__(self, statistics: ModelStatistics, generation: GenerationStatistics) -> None:
        self._statistics = statistics
        self._generation = generation

    def tell(self, told: Told, cancel: Callable[[Writing], object]) -> None:
        """`cancel` is for those that end here and may be in the next step already."""
        if told.step is not None:
            self._generation.step(len(told.step.tokens) + sum(len(chunk.tokens) for chunk in told.step.chunks))
        for said in told.said:
            if not said.writing.stream.is_over:
                self._say(said, told.at, cancel)
        for writing, reason in told.expired:
            if not writing.stream.is_over:
                self._expire(writing, reason, told.at)
        for writing, error in told.failed:
            if not writing.stream.is_over:
                self._fail(writing, error, told.at)

    def give_up(self, writing: Writing, now: float) -> None:
        """Its caller reads no more."""
        writing.stream.close()
        self._statistics.record_failure(Cancelled(), now - writing.sequence.arrived)
        self._note_end(writing, FinishReason.ABORT, now)

    def _say(self, said: Said, now: float, cancel: Callable[[Writing], object]) -> None:
        writing, token, number, reason = said
        try:
            delta = writing.take(token, number, reason)
        except BaseException as error:  # a library of tokens may raise anything, and the others must go on
            cancel(writing)
            self._fail(writing, blame(error), now)
            return
        writing.stream.put(delta)
        self._count(writing, now)
        if delta.finish_reason is not None:
            if reason is None:
                cancel(writing)
            self._end(writing, delta.finish_reason, now)

    def _expire(self, writing: Writing, reason: FinishReason, now: float) -> None:
        try:
            delta = writing.cut_off(reason)
        except BaseException as error:
            self._fail(writing, blame(error), now)
            return
        writing.stream.put(delta)
        self._end(writing, delta.finish_reason or reason, now)

    def _count(self, writing: Writing, now: float) -> None:
        if writing.first_token == inf:
            writing.first_token = now
            writing.stream.cached_tokens = writing.sequence.cached_tokens
            self._generation.first_token(now - writing.sequence.arrived)
        else:
            self._generation.next_token(now - writing.last_token)
        writing.last_token = now

    def _fail(self, writing: Writing, error: Exception, now: float) -> None:
        writing.stream.fail(error)
        _trace(writing, "error", now)
        self._statistics.record_failure(error, now - writing.sequence.arrived)

    def _end(self, writing: Writing, reason: FinishReason, now: float) -> None:
        self._note_end(writing, reason, now)
        begun = min(writing.begun, now)
        times = Times(0.0, now - begun, 0.0)
        self._statistics.record([begun - writing.sequence.arrived], 1, times, int(time.time() * 1000))

    def _note_end(self, writing: Writing, reason: FinishReason, now: float) -> None:
        _trace(writing, reason, now)
        sequence = writing.sequence
        begun, first = min(writing.begun, now), min(writing.first_token, now)
        queued = begun - sequence.arrived
        self._generation.request(
            reason, sequence.prompt_length, writing.stream.completion_tokens, queued, first - begun, now - first
        )


def _trace(writing: Writing, reason: str, now: float) -> None:
    if writing.timeline is None:
        return
    sequence = writing.sequence
    begun = min(writing.begun, now)
    first = min(writing.first_token, now)
    tokens = (sequence.prompt_length, writing.stream.cached_tokens, writing.stream.completion_tokens)
    writing.timeline.written.append(
        Written(writing.sampler.params, sequence.arrived, begun, first, now, *tokens, str(reason))
    )
