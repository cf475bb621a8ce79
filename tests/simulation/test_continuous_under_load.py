"""Random generation in simulated time: any chunks, tiny caches, callers who leave, prefixes that are shared."""

import random
from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from serving.core.generation import FinishReason
from serving.errors import BackendFailed, Overloaded
from serving.scheduling.continuous import Limits, Sequence
from tests.simulation.checked_generation import CheckedGeneration, alone
from tests.simulation.recording_decoder import VOCABULARY

SHARED = [random.Random(7).randrange(VOCABULARY) for _ in range(60)]
"""What many prompts begin with."""


@st.composite
def prompts(draw: st.DrawFn) -> list[int]:
    shared = SHARED[: draw(st.sampled_from([0, 0, 5, 16, 17, 40, 60]))]
    return [*shared, *draw(st.lists(st.integers(0, 2), min_size=0 if shared else 1, max_size=10))]


@st.composite
def limits(draw: st.DrawFn, rows: int) -> Limits:
    return Limits(
        max_num_batched_tokens=rows + draw(st.sampled_from([1, 3, 7, 30, 500])),
        max_num_queued_reqs=draw(st.sampled_from([0, 3])),
        min_prefill_tokens=draw(st.sampled_from([1, 8])),
        inter_token_objective=draw(st.sampled_from([0.0, 0.011])),
        ageing=draw(st.sampled_from([0.0, 0.05, inf])),
        prefix_caching=draw(st.booleans()),
    )


class Generation(RuleBasedStateMachine):
    """Things happen between any two steps, and while one is made."""

    @initialize(data=st.data(), rows=st.integers(1, 5))
    def start(self, data: st.DataObject, rows: int) -> None:
        self.run = CheckedGeneration(rows, 80, data.draw(limits(rows)), lambda _, read: 0.01 + 1e-3 * read)

    @rule(
        prompt=prompts(),
        max_tokens=st.integers(1, 30),
        stops=st.sets(st.integers(0, VOCABULARY - 1), max_size=4),
        least=st.sampled_from([0, 0, 3]),
        priority=st.integers(0, 3),
        patience=st.sampled_from([inf, inf, 0.02, 0.2]),
        deadline=st.sampled_from([inf, inf, 0.05, 0.3]),
    )
    def add(
        self,
        prompt: list[int],
        max_tokens: int,
        stops: set[int],
        least: int,
        priority: int,
        patience: float,
        deadline: float,
    ) -> None:
        now = self.run.now
        sequence = Sequence(prompt, max_tokens, least, stops, priority, now + deadline, now + patience)
        try:
            self.run.add(sequence)
        except Overloaded:
            queued = self.run.limits.max_num_queued_reqs
            assert queued
            assert len(self.run.batcher) >= queued
            assert not self.run.batcher.cancel(sequence)

    @rule(data=st.data())
    @precondition(lambda self: any(it.finish_reason for it in self.run.accepted))
    def go_on(self, data: st.DataObject) -> None:
        """A conversation: what was written is read again, with more behind."""
        ended = [it for it in self.run.accepted if it.finish_reason]
        prompt = [*data.draw(st.sampled_from(ended)).tokens[:70], *data.draw(st.lists(st.integers(0, 2), max_size=5))]
        self.add(prompt, 5, set(), 0, 0, inf, inf)

    @rule(data=st.data())
    @precondition(lambda self: self.run.accepted)
    def cancel(self, data: st.DataObject) -> None:
        self.run.cancel(data.draw(st.sampled_from(self.run.accepted)))

    @rule(data=st.data())
    @precondition(lambda self: self.run.under_way is None and any(it.written for it in self.run.accepted))
    def find_a_stop_string(self, data: st.DataObject) -> None:
        self.run.finish(data.draw(st.sampled_from([it for it in self.run.accepted if it.written])))

    @rule(count=st.integers(1, 12))
    def steps(self, count: int) -> None:
        for _ in range(count):
            if self.run.under_way:
                self.run.end()
            else:
                self.run.begin()

    @rule(seconds=st.sampled_from([0.001, 0.1]))
    @precondition(lambda self: self.run.under_way is None)
    def wait(self, seconds: float) -> None:
        self.run.now += seconds

    @rule()
    @precondition(lambda self: self.run.under_way)
    def fail(self) -> None:
        plan, self.run.under_way = self.run.under_way, None
        assert plan
        for row in self.run.decoder.rows:
            row.clear()
        error = BackendFailed("no more memory")
        for event in self.run.batcher.fail(plan, error):
            assert event.error is error
            self.run.ends[event.request] += 1
        assert self.run.batcher.running == self.run.batcher.cached_positions == 0

    def teardown(self) -> None:
        if hasattr(self, "run"):
            if self.run.under_way:
                self.run.end()
            self.run.run()


TestGeneration = Generation.TestCase
TestGeneration.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def load(seed: int) -> list[Sequence]:
    chance = random.Random(seed)
    return [
        Sequence(
            [*SHARED[: chance.choice([0, 0, 20, 50])], *(chance.randrange(3) for _ in range(chance.randint(1, 25)))],
            chance.randint(1, 40),
            stop_token_ids=frozenset({7}),
        )
        for _ in range(200)
    ]


@pytest.mark.parametrize("caching", [True, False])
@pytest.mark.parametrize(("rows", "tokens"), [(1, 2), (2, 5), (8, 24), (64, 4096)])
def test_two_hundred_sequences_write_what_each_writes_alone(rows: int, tokens: int, caching: bool) -> None:
    run = CheckedGeneration(rows, 100, Limits(tokens, prefix_caching=caching))
    chance = random.Random(rows)
    for sequence in load(seed=rows):
        run.add(sequence)
        for _ in range(chance.choice([0, 0, 1, 5])):
            run.step()
    run.run()

    for sequence in run.accepted:
        assert (sequence.tokens, sequence.finish_reason) == alone(sequence, 100)
    assert run.batcher.prefix_queries == sum(it.prompt_length for it in run.accepted)
    assert run.batcher.prefix_hits == sum(it.cached_tokens for it in run.accepted)
    assert (run.batcher.prefix_hits > 0) == caching


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_nobody_starves_whatever_else_comes(seed: int) -> None:
    """More of the highest priority comes than can be served, with deadlines too."""
    chance = random.Random(seed)
    run = CheckedGeneration(2, 100, Limits(12, ageing=0.5, max_num_queued_reqs=20))
    patient = [run.add(Sequence([1] * chance.randint(1, 60), 8, priority=level)) for level in (5, 3, 3, 1)]
    while any(it.finish_reason is None for it in patient):
        assert run.now < 20, "the last of four waits for no more than three others each, after it had waited for long"
        for _ in range(chance.randint(0, 2)):
            urgent = Sequence([chance.randrange(3) for _ in range(20)], 4, priority=1, deadline=run.now + 60)
            if len(run.batcher) < 20:
                run.add(urgent)
        run.step()

    assert all(it.finish_reason is FinishReason.LENGTH for it in patient)


def test_prompts_are_read_however_many_write() -> None:
    """Fifteen write without end, and the objective leaves no time for reading."""
    limits = Limits(17, min_prefill_tokens=4, inter_token_objective=0.001)
    run = CheckedGeneration(16, 2000, limits)
    for token in range(15):
        run.add(Sequence([token], 1500))
    while any(not it.written for it in run.accepted):
        run.step()
    late = run.add(Sequence([1] * 30, 2))
    steps = len(run.steps)
    while late.finish_reason is None:
        run.step()

    assert len(run.steps) - steps <= 30 // 2 + 2


def test_a_long_prompt_holds_up_nobody_for_longer_than_the_objective() -> None:
    def seconds(rows: int, tokens: int) -> float:
        return (0.005 + 0.0005 * rows if rows else 0.0) + (0.002 + 0.0004 * tokens if tokens else 0.0)

    run = CheckedGeneration(8, 1000, Limits(2048, inter_token_objective=0.05), seconds)
    run.add(Sequence([1] * 500, 2))
    run.run()
    for token in range(4):
        run.add(Sequence([token] * 40, 900))
    for _ in range(60):
        run.step()
    before, largest = len(run.steps), 0
    late = [run.add(Sequence([5 + number] * 900, 10)) for number in range(4)]
    while any(it.finish_reason is None for it in late):
        since = run.now
        run.step()
        read = sum(len(chunk.tokens) for chunk in run.steps[-1].step.chunks)  # type: ignore[union-attr]
        largest = max(largest, read)
        assert run.now - since <= 0.05 * 1.05

    assert largest > 60, "what time there is is made use of"
    assert len(run.steps) - before < 3600 / 60
