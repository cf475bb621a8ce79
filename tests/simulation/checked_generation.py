"""A continuous batcher and a recording decoder in simulated time. Every promise is checked at every step.

Rule: it asks the batcher as the engine does, and looks at nothing that the engine can't see.
"""

from collections import Counter
from collections.abc import Callable

from serving.core.generation import FinishReason
from serving.errors import DeadlineExceeded
from serving.scheduling.continuous import ContinuousBatcher, ContinuousPlan, Limits, Sequence
from tests.simulation.recording_decoder import RecordingDecoder, next_token


def alone(sequence: Sequence, max_length: int) -> tuple[list[int], FinishReason]:
    """What a sequence should write, and why it should end, by a plain loop."""
    tokens = sequence.tokens[: sequence.prompt_length]
    while True:
        tokens = [*tokens, next_token(tokens)]
        written = len(tokens) - sequence.prompt_length
        if tokens[-1] in sequence.stop_token_ids and written > sequence.min_tokens:
            return tokens, FinishReason.STOP
        if written == sequence.max_tokens or len(tokens) == max_length:
            return tokens, FinishReason.LENGTH


class CheckedGeneration:
    def __init__(
        self, rows: int, max_length: int, limits: Limits, seconds: Callable[[int, int], float] = lambda _r, _t: 0.01
    ) -> None:
        """`seconds` is what a step takes that writes in so many rows and reads so many tokens."""
        self.batcher = ContinuousBatcher(rows, max_length, limits)
        self.decoder = RecordingDecoder(rows, max_length)
        self.limits = limits
        self.seconds = seconds
        self.now = 0.0
        self.accepted: list[Sequence] = []
        self.ends: Counter[Sequence] = Counter()
        self.computed: Counter[Sequence] = Counter()
        self.steps: list[ContinuousPlan] = []
        self.under_way: ContinuousPlan | None = None

    def add(self, sequence: Sequence) -> Sequence:
        self.batcher.add(sequence, self.now)
        self.accepted.append(sequence)
        return sequence

    def cancel(self, sequence: Sequence) -> None:
        had_ended = sequence.finish_reason is not None
        assert self.batcher.cancel(sequence) == (not had_ended)
        self.ends[sequence] += not had_ended

    def finish(self, sequence: Sequence) -> None:
        if sequence.finish_reason is None:
            self.batcher.finish(sequence, FinishReason.STOP)
            self.ends[sequence] += 1

    def begin(self) -> bool:
        """Asks for a step. False if there is nothing to do."""
        plan = self.batcher.schedule(self.now)
        for event in plan.events:
            self._check_late(event.request, event.value, event.error)
        if plan.step is None:
            assert not len(self.batcher)
            assert not self.batcher.running
            return False
        self._check(plan)
        self.under_way = plan
        return True

    def end(self) -> None:
        plan, self.under_way = self.under_way, None
        assert plan is not None
        assert plan.step is not None
        written, read = self.decoder.run(plan.step)
        self._check_rows(plan)
        chosen = dict(zip(plan.reading, read, strict=True))
        rows = len(plan.step.tokens)
        token_ids = [*written, *(chosen[sequence] for sequence in plan.sampled[rows:])]
        self.now += self.seconds(rows, sum(len(chunk.tokens) for chunk in plan.step.chunks))
        self.steps.append(plan)
        for sequence in self._taken(plan, token_ids):
            assert sequence.finish_reason in (FinishReason.STOP, FinishReason.LENGTH)
            self.ends[sequence] += 1
        self.batcher.complete(plan, self.now)

    def _taken(self, plan: ContinuousPlan, token_ids: list[int]) -> list[Sequence]:
        """Part by part, as they are computed: the rows, and each prompt that was read to its end."""
        assert plan.step is not None
        rows = len(plan.step.tokens)
        parts = [(0, token_ids[:rows]), *((place, [token_ids[place]]) for place in range(rows, len(token_ids)))]
        return [sequence for first, tokens in parts for sequence in self.batcher.take(plan, tokens, first)]

    def step(self) -> bool:
        if self.begin():
            self.end()
            return True
        return False

    def run(self) -> None:
        """To the end of all."""
        while self.step():
            pass
        for sequence in self.accepted:
            self.check_ended(sequence)
        assert self.batcher.used_positions == 0

    def check_ended(self, sequence: Sequence) -> None:
        assert self.ends[sequence] == 1, "each ends exactly once"
        assert sequence.row is None
        tokens, reason = alone(sequence, self.decoder.max_length)
        if sequence.finish_reason is FinishReason.LENGTH:
            assert (sequence.tokens, sequence.finish_reason) == (tokens, reason)
        assert sequence.tokens == tokens[: len(sequence.tokens)], "as if it had been alone"

    def _check(self, plan: ContinuousPlan) -> None:
        step = plan.step
        assert step is not None
        rows, read = len(step.tokens), sum(len(chunk.tokens) for chunk in step.chunks)
        assert rows + read <= self.limits.max_num_batched_tokens
        running = [sequence for sequence in self.accepted if sequence.row is not None]
        assert len({sequence.row for sequence in running}) == len(running) == self.batcher.running
        writing = [sequence for sequence in running if sequence.written]
        assert {sequence.row for sequence in writing} == set(range(len(writing))), "those that write are in front"
        assert sorted(writing, key=lambda it: it.row or 0) == list(plan.sampled[:rows]), "all of them write"
        assert len(set(plan.reading)) == len(plan.reading)
        assert bool(read) or len(running) == len(writing), "reading never stands still"
        for sequence, token, length in zip(plan.sampled[:rows], step.tokens, step.lengths, strict=True):
            assert (token, length) == (sequence.tokens[-1], len(sequence.tokens) - 1)
            assert self.computed[sequence] == length, "no token is skipped, or computed twice"
            self.computed[sequence] += 1
        for sequence, chunk in zip(plan.reading, step.chunks, strict=True):
            assert chunk.row == sequence.row
            assert sequence.cached_tokens < sequence.prompt_length
            assert sequence.cached_tokens == 0 or self.limits.prefix_caching
            assert chunk.start == (self.computed[sequence] or sequence.cached_tokens)
            self.computed[sequence] = chunk.start + len(chunk.tokens)
            assert (self.computed[sequence] == sequence.prompt_length) == (sequence in plan.sampled[rows:])

    def _check_rows(self, plan: ContinuousPlan) -> None:
        """What was computed had exactly the right tokens before it."""
        for sequence in (*plan.sampled, *plan.reading):
            if sequence.row is not None:
                computed = self.computed[sequence]
                assert self.decoder.rows[sequence.row][:computed] == sequence.tokens[:computed]

    def _check_late(self, sequence: Sequence, value: object, error: Exception | None) -> None:
        assert sequence.deadline <= self.now
        assert sequence.finish_reason is FinishReason.ABORT
        assert value is FinishReason.ABORT if sequence.written else isinstance(error, DeadlineExceeded)
        self.ends[sequence] += 1
