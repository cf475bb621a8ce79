import pytest

from serving.core.generation import FinishReason
from serving.core.steps import Chunk, CopyRow, Step
from serving.errors import BackendFailed, DeadlineExceeded, InvalidInput, Overloaded
from serving.scheduling.continuous import ContinuousBatcher, ContinuousPlan, Limits, Sequence


def batcher(rows: int = 4, **limits: float) -> ContinuousBatcher:
    return ContinuousBatcher(rows, 100, Limits(**limits))  # type: ignore[arg-type]


def step(batcher: ContinuousBatcher, now: float = 0.0, token: int = 5) -> Step:
    """Made, with that token everywhere."""
    plan = batcher.schedule(now)
    assert plan.step is not None
    batcher.take(plan, [token] * len(plan.sampled))
    batcher.complete(plan, now)
    return plan.step


def test_a_prompt_is_read_then_written_on_until_its_end() -> None:
    one = batcher()
    sequence = Sequence([1, 2, 3], 2)
    one.add(sequence, 0.0)

    plan = one.schedule(0.0)
    assert plan == ContinuousPlan(Step(chunks=(Chunk(0, 0, (1, 2, 3)),)), (sequence,), (), None, (sequence,), 0.0)
    assert one.take(plan, [7]) == []
    one.complete(plan, 0.1)
    plan = one.schedule(0.1)
    assert plan.step == Step(tokens=(7,), lengths=(3,))
    assert one.take(plan, [8]) == [sequence]
    one.complete(plan, 0.2)
    assert (sequence.tokens, sequence.finish_reason) == ([1, 2, 3, 7, 8], FinishReason.LENGTH)
    assert one.schedule(0.2).step is None
    assert (one.running, one.used_positions) == (0, 0)


def test_who_writes_goes_on_while_others_are_read_in_chunks() -> None:
    one = batcher(max_num_batched_tokens=6)
    writes, reads = Sequence([1, 2], 9), Sequence([3] * 7, 9)
    one.add(writes, 0.0)
    step(one)
    one.add(reads, 0.0)

    assert step(one).chunks == (Chunk(1, 0, (3,) * 5),)
    plan = one.schedule(0.0)
    assert plan.step == Step((), (5,), (3,), (Chunk(1, 5, (3,) * 2),))
    assert plan.sampled == (writes, reads)


def test_prompts_that_have_begun_are_read_before_others_begin() -> None:
    one = batcher(max_num_batched_tokens=6)
    for priority in (2, 1):
        one.add(Sequence([priority] * 8, 9, priority=priority), 0.0)

    assert step(one).chunks == (Chunk(0, 0, (1,) * 6),)
    assert step(one).chunks == (Chunk(0, 6, (1,) * 2), Chunk(1, 0, (2,) * 4))


def test_more_than_the_rows_wait() -> None:
    one = batcher(rows=2)
    sequences = [Sequence([token], 2) for token in range(3)]
    for sequence in sequences:
        one.add(sequence, 0.0)

    step(one)
    assert (one.running, len(one), sequences[2].row) == (2, 1, None)
    step(one)
    [chunk] = step(one).chunks
    assert chunk.tokens == (2,)
    assert len(one) == 0


def test_too_many_are_refused_but_those_who_find_a_row_are_not() -> None:
    one = batcher(rows=2, max_num_queued_reqs=1)
    for token in range(3):
        one.add(Sequence([token], 2), 0.0)

    with pytest.raises(Overloaded, match="1 requests are already waiting") as caught:
        one.add(Sequence([9], 2), 0.0)
    assert caught.value.retry_after == 1
    step(one)
    with pytest.raises(Overloaded):
        one.add(Sequence([9], 2), 0.0)


def test_too_many_tokens_are_refused_unless_nobody_waits() -> None:
    one = batcher(rows=1, max_num_queued_tokens=20)
    one.add(Sequence([1] * 50, 9), 0.0)
    step(one)
    one.add(Sequence([1] * 50, 9), 0.0)

    with pytest.raises(Overloaded, match="50 tokens are already waiting, and this one has 1"):
        one.add(Sequence([1], 9), 0.0)


def test_how_long_to_stay_away_is_learnt_from_how_long_others_wait() -> None:
    one = batcher(rows=1, max_num_queued_reqs=5)
    now = 0.0
    for _ in range(100):
        while len(one) < 5:
            one.add(Sequence([1], 1), now)
        step(one, now)
        now += 2.0
    one.add(Sequence([1], 1), now)
    one.add(Sequence([1], 1), now)

    with pytest.raises(Overloaded) as caught:
        one.add(Sequence([1], 1), now)
    assert 8 <= caught.value.retry_after <= 12


@pytest.mark.parametrize("prompt", [[], [1] * 100])
def test_a_prompt_that_leaves_no_room_to_write_is_refused(prompt: list[int]) -> None:
    with pytest.raises(InvalidInput, match="expected 1 to 99 tokens"):
        batcher().add(Sequence(prompt, 1), 0.0)


def test_to_write_nothing_is_refused() -> None:
    with pytest.raises(InvalidInput, match="max_tokens: expected at least 1, got 0"):
        batcher().add(Sequence([1], 0), 0.0)


def test_a_budget_without_room_for_prompts_is_refused() -> None:
    with pytest.raises(ValueError, match="expected more than the 4 sequences"):
        batcher(max_num_batched_tokens=4)


def test_who_is_cancelled_is_in_no_further_step() -> None:
    one = batcher()
    waits, reads, writes = Sequence([1], 9), Sequence([2] * 9, 9), Sequence([3], 9)
    one.add(writes, 0.0)
    step(one)
    one.add(reads, 0.0)
    plan = one.schedule(0.0)
    one.add(waits, 0.0)

    assert [one.cancel(sequence) for sequence in (waits, reads, writes)] == [True] * 3
    assert one.take(plan, [7, 7]) == []
    one.complete(plan, 0.1)
    assert one.schedule(0.1).step is None
    assert (writes.tokens, writes.finish_reason) == ([3, 5], FinishReason.ABORT)
    assert not one.cancel(writes)
    assert not one.cancel(Sequence([1], 1)), "it was never accepted"


def test_the_engine_may_end_one() -> None:
    one = batcher()
    first, second = Sequence([1], 9), Sequence([2], 9)
    one.add(first, 0.0)
    one.add(second, 0.0)
    step(one)
    one.finish(first, FinishReason.STOP)
    one.finish(first, FinishReason.LENGTH)

    assert first.finish_reason is FinishReason.STOP
    assert step(one) == Step((CopyRow(1, 0, 1),), (5,), (1,))


def test_a_stop_token_ends_it() -> None:
    one = batcher()
    sequence = Sequence([1], 9, stop_token_ids={5})
    one.add(sequence, 0.0)
    step(one)

    assert (sequence.tokens, sequence.finish_reason) == ([1, 5], FinishReason.STOP)


def test_who_waited_too_long_is_told_and_never_computed() -> None:
    one = batcher(rows=1)
    one.add(Sequence([1], 50), 0.0)
    step(one)
    late, expired = Sequence([2], 9, deadline=2.0), Sequence([2], 9, deadline=1.0)
    one.add(late, 0.0)
    one.add(expired, 0.0)

    [event] = one.schedule(1.0).events
    assert event.request is expired
    assert isinstance(event.error, DeadlineExceeded)
    [event] = one.schedule(2.0).events
    assert event.request is late
    assert late.finish_reason is FinishReason.ABORT
    assert late.computed == len(one) == 0


def test_at_its_deadline_a_part_of_an_answer_is_kept_and_a_mere_prompt_is_an_error() -> None:
    one = batcher(max_num_batched_tokens=5)
    writes, reads, goes_on = Sequence([1], 50, deadline=1.0), Sequence([2] * 90, 9, deadline=1.0), Sequence([3], 50)
    for sequence in (writes, goes_on, reads):
        one.add(sequence, 0.0)
    step(one)
    step(one)

    events = {event.request: event for event in one.schedule(1.0).events}
    assert events[writes].value is FinishReason.ABORT
    assert events[writes].error is None
    assert isinstance(events[reads].error, DeadlineExceeded)
    assert one.running == 1
    assert one.schedule(1e9).events == ()


def test_those_that_begin_alike_wait_until_that_was_read_once() -> None:
    one = batcher(max_num_batched_tokens=30)
    alike = [Sequence([1] * 50, 9) for _ in range(3)]
    for sequence in alike:
        one.add(sequence, 0.0)
    other = Sequence([2] * 5, 9)
    one.add(other, 0.0)

    assert step(one).chunks == (Chunk(0, 0, (1,) * 30),)
    assert step(one).chunks == (Chunk(0, 30, (1,) * 20), Chunk(1, 0, (2,) * 5))
    third = step(one)
    assert third.moves == (CopyRow(0, 2, 49), CopyRow(0, 3, 49))
    assert third.chunks == (Chunk(2, 49, (1,)), Chunk(3, 49, (1,)))
    assert [sequence.cached_tokens for sequence in alike] == [0, 49, 49]
    assert (one.prefix_queries, one.prefix_hits) == (155, 98)


def test_chunks_are_as_large_as_the_objective_allows() -> None:
    one = batcher(inter_token_objective=0.05, min_prefill_tokens=4)
    now = 0.0
    one.add(Sequence([9], 99), now)
    chunks = []
    for number in range(60):
        one.add(Sequence([number % 7 + 1] * 90, 1), now)
        plan = one.schedule(now)
        assert plan.step is not None
        read = sum(len(chunk.tokens) for chunk in plan.step.chunks)
        now += 0.001 * read + 0.01
        one.take(plan, [5] * len(plan.sampled))
        one.complete(plan, now)
        chunks.append(read)

    assert 30 <= min(chunks[20:]) <= max(chunks[20:]) <= 42


def test_when_a_step_fails_all_that_runs_ends_with_it_and_nothing_is_taken_from_the_cache() -> None:
    one = batcher(rows=2)
    first, second, waits = (Sequence([1] * 40, 9) for _ in range(3))
    one.add(first, 0.0)
    step(one)
    one.add(second, 0.0)
    plan = one.schedule(0.0)
    one.add(waits, 0.0)
    error = BackendFailed("no more memory")

    assert [(event.request, event.error) for event in one.fail(plan, error)] == [(first, error), (second, error)]
    assert (one.running, one.cached_positions) == (0, 0)
    [chunk] = step(one).chunks
    assert (chunk.start, len(chunk.tokens), waits.cached_tokens) == (0, 40, 0)


def test_it_says_how_many_do_what() -> None:
    one = batcher(rows=2)
    for token in range(3):
        one.add(Sequence([token] * 20, 9), 0.0)
    step(one)

    assert repr(one) == "<ContinuousBatcher 1 waiting, 0 reading, 2 writing>"
    assert (one.used_positions, one.cached_positions, one.preemptions) == (40, 40, 0)
