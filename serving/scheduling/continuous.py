"""Continuous batching: at every step it is decided anew which sequences write, and which prompts are read.

    add(sequence, now) ── schedule(now) ─▶ ContinuousPlan ── (a part is computed, tokens are chosen) ──
    take(plan, token_ids, first) ─▶ those that ended ── (until all is computed) ── complete(plan, now)

Rule: a step is made of whole rows that were promised to their sequences, so that whatever runs can run to its end.
"""

from dataclasses import dataclass, field
from math import ceil, inf

from serving.core.generation import FinishReason
from serving.core.steps import Chunk, Step
from serving.errors import DeadlineExceeded, InvalidInput, Overloaded
from serving.scheduling.cache_rows import CacheRows, Move
from serving.scheduling.scheduler import Event
from serving.scheduling.step_times import StepTimes
from serving.scheduling.token_sequence import Sequence
from serving.scheduling.waiting_sequences import WaitingSequences

__all__ = ["ContinuousBatcher", "ContinuousPlan", "Limits", "Sequence"]

_RETRY_AT_MOST = 60
"""Seconds."""


@dataclass(frozen=True, slots=True)
class Limits:
    """vLLM's names where it has them. 0 is no bound of `max_num_queued_reqs` and `max_num_queued_tokens`, the tokens of
    prompts that wait; those that find an idle row don't count. `inter_token_objective` is in seconds, 0 for none: while
    others write, prompts are read in chunks so small that a step takes no longer, but of `min_prefill_tokens`
    at least. `ageing` is after how many seconds one has waited for long."""

    max_num_batched_tokens: int = 2048
    max_num_queued_reqs: int = 0
    max_num_queued_tokens: int = 0
    min_prefill_tokens: int = 32
    inter_token_objective: float = 0.0
    ageing: float = 10.0
    default_priority: int = 1
    prefix_caching: bool = True


@dataclass(frozen=True, slots=True)
class ContinuousPlan:
    """Make `step`, if there is one, and choose a token for each of `sampled`: those of the rows 0, 1 and so on, then
    those whose chunk ends their prompt. `events` are to be told before. Without a step there is nothing to do until
    something is added, so `wake_at` is always None."""

    step: Step | None = None
    sampled: tuple[Sequence, ...] = ()
    events: tuple[Event[Sequence], ...] = ()
    wake_at: float | None = None
    reading: tuple[Sequence, ...] = ()
    """Whose the step's chunks are."""
    at: float = 0.0
    """When it was made."""


@dataclass(slots=True)
class _Reading:
    """What a step reads, while it is made up. `left` is how many tokens it may still."""

    left: int
    moves: list[Move] = field(default_factory=list)
    sequences: list[Sequence] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)

    def add(self, sequence: Sequence) -> None:
        start = sequence.computed
        tokens = tuple(sequence.tokens[start : start + self.left])
        assert sequence.row is not None
        self.sequences.append(sequence)
        self.chunks.append(Chunk(sequence.row, start, tokens))
        self.left -= len(tokens)

    def ended(self) -> list[Sequence]:
        """Those whose prompt will have been read."""
        pairs = zip(self.sequences, self.chunks, strict=True)
        return [sequence for sequence, chunk in pairs if chunk.start + len(chunk.tokens) == sequence.prompt_length]


class ContinuousBatcher:
    """Of one decoder with so many rows of `max_length` positions. One step at a time: `schedule` is called when the
    last plan was completed or failed; `add` and `cancel` at any time."""

    preemptions = 0
    """A row has room for all that its sequence may write."""

    def __init__(self, rows: int, max_length: int, limits: Limits) -> None:
        if limits.max_num_batched_tokens <= rows:
            raise ValueError(
                f"max_num_batched_tokens: expected more than the {rows} sequences that write at once, so that prompts "
                f"are read beside them, got {limits.max_num_batched_tokens}"
            )
        self._limits = limits
        self._max_length = max_length
        self._rows = CacheRows(rows, limits.prefix_caching)
        self._waiting = WaitingSequences(limits.ageing, limits.default_priority)
        self._reading: list[Sequence] = []  # as they were admitted
        self._writing: list[Sequence] = []
        self._is_packed = True
        self._times = StepTimes()
        self._next_deadline = inf
        self._admitted_at = 0.0
        self._interval = 0.0  # seconds from one admission to the next
        self.prefix_queries = 0
        self.prefix_hits = 0
        """Both in tokens."""

    def __repr__(self) -> str:
        return f"<ContinuousBatcher {len(self)} waiting, {len(self._reading)} reading, {len(self._writing)} writing>"

    def __len__(self) -> int:
        """How many sequences wait."""
        return len(self._waiting)

    @property
    def running(self) -> int:
        return len(self._reading) + len(self._writing)

    @property
    def used_positions(self) -> int:
        """Of the cache, by sequences that run."""
        return sum(sequence.computed for running in (self._reading, self._writing) for sequence in running)

    @property
    def cached_positions(self) -> int:
        """Of the cache, also those that are kept in case that another prompt begins alike."""
        return self._rows.filled

    def add(self, sequence: Sequence, now: float) -> None:
        """Accept one, or raise `Overloaded`."""
        if not 0 < sequence.prompt_length < self._max_length:
            raise InvalidInput(
                f"prompt: expected 1 to {self._max_length - 1} tokens, so that one can be written in a context of "
                f"{self._max_length}, got {sequence.prompt_length}"
            )
        if sequence.max_tokens < 1:
            raise InvalidInput(f"max_tokens: expected at least 1, got {sequence.max_tokens}")
        self._check_room(sequence)
        if not self._waiting:
            self._admitted_at = now
        sequence.arrived = now
        self._waiting.add(sequence)

    def cancel(self, sequence: Sequence) -> bool:
        """Ends one that waits or runs; what a step that is under way brings it is dropped. False if
        it had ended, or was never accepted."""
        if sequence.row is None and sequence not in self._waiting:
            return False
        self._end(sequence, FinishReason.ABORT)
        return True

    def finish(self, sequence: Sequence, reason: FinishReason) -> None:
        """It need not go on: its text has a stop string, or its grammar is at an end. One that ended stays as it is."""
        if sequence.finish_reason is None:
            self._end(sequence, reason)

    def close(self) -> None:
        """Nothing more will be added; nothing is held back anyway."""

    def schedule(self, now: float) -> ContinuousPlan:
        events = self._expire(now)
        reading = _Reading(self._tokens_to_read())
        if not self._is_packed:
            reading.moves += self._rows.pack(self._writing)
            self._is_packed = True
        for sequence in self._reading:
            if reading.left:
                reading.add(sequence)
        if self._waiting and self._rows.idle:
            self._admit(reading, now)
        writing = self._writing
        if not writing and not reading.chunks:
            return ContinuousPlan(events=events, at=now)
        step = Step(
            tuple(reading.moves),
            tuple([sequence.tokens[-1] for sequence in writing]),
            tuple([sequence.computed for sequence in writing]),
            tuple(reading.chunks),
        )
        return ContinuousPlan(step, (*writing, *reading.ended()), events, None, tuple(reading.sequences), now)

    def take(self, plan: ContinuousPlan, token_ids: list[int], first: int = 0) -> list[Sequence]:
        """One token for each of `plan.sampled` from the `first` on, in their order. Those that it ended."""
        ended = []
        for sequence, token in zip(plan.sampled[first : first + len(token_ids)], token_ids, strict=True):
            if sequence.finish_reason is not None:
                continue
            tokens = sequence.tokens
            sequence.computed = len(tokens)
            tokens.append(token)
            if sequence.written == 1:
                self._reading.remove(sequence)
                self._writing.append(sequence)
                self._is_packed = False
            reason = sequence.reason_to_end(self._max_length)
            if reason is not None:
                self._end(sequence, reason)
                ended.append(sequence)
        return ended

    def complete(self, plan: ContinuousPlan, now: float) -> None:
        """All of it was computed, and every token taken."""
        step = plan.step
        assert step is not None
        for sequence, chunk in zip(plan.reading, step.chunks, strict=True):
            if sequence.finish_reason is None:
                sequence.computed = chunk.start + len(chunk.tokens)
        self._times.observe(len(step.tokens), sum(len(chunk.tokens) for chunk in step.chunks), now - plan.at)

    def fail(
        self,
        plan: ContinuousPlan,  # noqa: ARG002 - asked for as `complete` asks, though all plans fail alike
        error: Exception,
    ) -> list[Event[Sequence]]:
        """The step was not made, or in part, so that nobody knows what is in the cache: all that runs ends with it."""
        running = [*self._writing, *self._reading]
        for sequence in running:
            self._end(sequence, FinishReason.ABORT)
        self._rows.forget()
        return [Event(sequence, error=error) for sequence in running]

    def _check_room(self, sequence: Sequence) -> None:
        """Those for which there are idle rows are in nobody's way."""
        limits, waiting, tokens = self._limits, len(self._waiting) - self._rows.idle, self._waiting.tokens
        if waiting < 0:
            return
        retry_after = min(max(1, ceil(len(self._waiting) * self._interval)), _RETRY_AT_MOST)
        if limits.max_num_queued_reqs and waiting >= limits.max_num_queued_reqs:
            raise Overloaded(f"Exceeds maximum queue size: {waiting} requests are already waiting", retry_after)
        if limits.max_num_queued_tokens and tokens and tokens + sequence.prompt_length > limits.max_num_queued_tokens:
            raise Overloaded(
                f"Exceeds maximum queue size: requests with {tokens} tokens are already waiting, and this one has "
                f"{sequence.prompt_length}",
                retry_after,
            )

    def _tokens_to_read(self) -> int:
        """By the next step."""
        limits, writing = self._limits, len(self._writing)
        budget = limits.max_num_batched_tokens - writing
        if not writing or not limits.inter_token_objective:
            return budget
        within = self._times.tokens_within(limits.inter_token_objective, writing)
        return min(budget, max(within, limits.min_prefill_tokens))

    def _admit(self, reading: _Reading, now: float) -> None:
        """Those that begin like what is being read wait for that, and take it over instead of reading it too."""
        for sequence in self._waiting.first(self._rows.idle, now):
            if not reading.left:
                break
            match = self._rows.match(sequence)
            if match.is_worth_waiting:
                continue
            move = self._rows.take(sequence, match)
            if move is not None:
                reading.moves.append(move)
            self._waiting.take(sequence)
            self._reading.append(sequence)
            reading.add(sequence)
            self._next_deadline = min(self._next_deadline, sequence.deadline)
            self.prefix_queries += sequence.prompt_length
            self.prefix_hits += sequence.cached_tokens
            self._interval += 0.1 * (now - self._admitted_at - self._interval)
            self._admitted_at = now

    def _expire(self, now: float) -> tuple[Event[Sequence], ...]:
        """Who has nothing yet gets the error; who has a part of the answer may keep it, and hears that it is one."""
        expired = self._waiting.pop_expired(now)
        for sequence in expired:
            sequence.finish_reason = FinishReason.ABORT
        if now >= self._next_deadline:
            running = [*self._writing, *self._reading]
            late = [sequence for sequence in running if sequence.deadline <= now]
            for sequence in late:
                self._end(sequence, FinishReason.ABORT)
            expired += late
            self._next_deadline = min((it.deadline for it in running if it.finish_reason is None), default=inf)
        return tuple([_late(sequence) for sequence in expired])

    def _end(self, sequence: Sequence, reason: FinishReason) -> None:
        sequence.finish_reason = reason
        if sequence.row is None:
            self._waiting.remove(sequence)
            return
        (self._writing if sequence.written else self._reading).remove(sequence)
        self._rows.release(sequence)
        self._is_packed = False


def _late(sequence: Sequence) -> Event[Sequence]:
    if sequence.written:
        return Event(sequence, FinishReason.ABORT)
    return Event(sequence, error=DeadlineExceeded("Request timeout expired before a token was written"))
