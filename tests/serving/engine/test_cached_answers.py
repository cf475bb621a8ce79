"""Real served models behind the cache; the test holds their one instance's gate in its hand."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from serving.core.requests import NO_LABELS, InferRequest, InferResponse
from serving.core.timeline import Timeline
from serving.engine.cached_answers import LARGE, CachedAnswers
from serving.engine.response_cache import ResponseCache
from serving.engine.served_model import ServedModel
from serving.engine.statistics import ModelStatistics
from serving.errors import BackendFailed, DeadlineExceeded, InvalidInput, ModelNotReady, Overloaded
from tests.serving.engine.test_served_model import Gate, entered, failures, occupied, request, served, values


def caching(size: int = 1_000_000) -> tuple[CachedAnswers, ResponseCache]:
    cache = ResponseCache(size)
    return CachedAnswers(cache, lambda _: True), cache


def counts(model: ServedModel) -> dict[str, int]:
    """What a model's statistics say of requests."""
    statistics = model.statistics
    return {
        "success": statistics.success.count,
        "hit": statistics.cache_hit.count,
        "miss": statistics.cache_miss.count,
        "executions": statistics.executions,
        "rows": statistics.inferences,
    }


async def turns() -> None:
    """Let everything that can go on go on."""
    for _ in range(20):
        await asyncio.sleep(0)


async def outcomes(*asked: Awaitable[InferResponse]) -> list[Any]:
    """The values that were answered, or the class of the error."""
    answers = await asyncio.gather(*asked, return_exceptions=True)
    return [type(answer) if isinstance(answer, BaseException) else values(answer) for answer in answers]


async def test_what_was_asked_before_is_not_run_again() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        first = await answers.infer(model, request(1, 2), None)
        again = await answers.infer(model, replace(request(1, 2), id="mine", priority=1, timeout=1e-6), None)
        assert values(first) == values(again) == [2, 4]
        assert (again.id, again.model_name, again.model_version, again.final) == ("mine", "m", "1", True)
        assert values(await answers.infer(model, request(2, 1), None)) == [4, 2]
        assert gate.batches == [2, 2]
        assert counts(model) == {"success": 3, "hit": 1, "miss": 2, "executions": 2, "rows": 4}
        statistics = model.statistics
        assert statistics.queue.count == 3
        assert statistics.compute.count == 2
        assert 0 < statistics.cache_hit.seconds < statistics.success.seconds
        assert statistics.cache_miss.seconds > 0


async def test_the_cache_holds_every_output_whichever_was_asked_for_first() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        asked = [request(1, outputs=names) for names in (("z",), ("y",), (), ("z", "y"))]
        found = [(await answers.infer(model, one, None)).outputs for one in asked]
        assert [list(outputs) for outputs in found] == [["z"], ["y"], ["y", "z"], ["z", "y"]]
        assert found[1]["y"].tolist() == [[2]]
        assert gate.batches == [1]


async def test_a_request_that_does_not_fit_is_refused_whatever_is_in_the_cache() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        await answers.infer(model, request(1), None)
        for bad in (request(1, outputs=("nope",)), InferRequest("m", {"x": np.zeros((1, 2), np.float32)})):
            with pytest.raises(InvalidInput):
                await answers.infer(model, bad, None)
        assert counts(model)["hit"] == 0


async def test_parameters_tell_requests_apart_only_where_the_model_reads_them() -> None:
    for reads, runs in ((True, 3), (False, 1)):
        gate, (answers, _) = Gate(), caching()
        gate.reads_parameters = reads
        with served(gate) as model:
            for parameters in ({"p": 1}, {"p": True}, {"p": 1}, {}):
                await answers.infer(model, replace(request(1), parameters=parameters), None)
        assert len(gate.batches) == runs


async def test_identical_requests_under_way_run_once_and_all_are_answered() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        gate.open.clear()
        asked = [asyncio.create_task(answers.infer(model, request(n % 2), None)) for n in range(20)]
        await entered(gate)
        await turns()
        gate.open.set()
        assert await outcomes(*asked) == [[0], [2]] * 10
        assert sum(gate.batches) == 2
        assert counts(model) | {"executions": 0} == {"success": 20, "hit": 18, "miss": 2, "executions": 0, "rows": 2}


async def test_when_whoever_came_first_leaves_the_others_are_answered() -> None:
    gate, (answers, cache) = Gate(), caching()
    with served(gate) as model:
        gate.open.clear()
        leader, *others = (asyncio.create_task(answers.infer(model, request(1), None)) for _ in range(3))
        await entered(gate)
        await turns()
        leader.cancel()
        await turns()
        gate.open.set()
        assert await outcomes(leader, *others) == [asyncio.CancelledError, [2], [2]]
        assert gate.batches == [1]
        assert failures(model) == {"CANCELED": 1}
        assert counts(model) == {"success": 2, "hit": 1, "miss": 1, "executions": 1, "rows": 1}
        assert cache.used > 0


async def test_when_nobody_waits_any_more_the_place_in_the_queue_is_free() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        first = await occupied(gate, model)
        asked = [asyncio.create_task(answers.infer(model, request(1), None)) for _ in range(3)]
        await turns()
        assert model.pending == 1
        for task in asked:
            task.cancel()
        await turns()
        assert model.pending == 0
        gate.open.set()
        await first
        assert gate.batches == [1]
        assert failures(model) == {"CANCELED": 3}


async def test_a_failure_is_everybodys_and_nothing_is_kept() -> None:
    gate, (answers, cache) = Gate(), caching()
    with served(gate) as model:
        gate.open.clear()
        asked = [asyncio.create_task(answers.infer(model, request(float("nan")), None)) for _ in range(3)]
        await entered(gate)
        await turns()
        gate.open.set()
        assert await outcomes(*asked) == [BackendFailed] * 3
        assert gate.batches == [1]
        assert failures(model) == {"BACKEND": 3}
        assert await outcomes(answers.infer(model, request(float("nan")), None)) == [BackendFailed]
        assert gate.batches == [1, 1], "who asks again is not told of an old failure"
        assert counts(model)["miss"] == cache.used == 0


async def test_whoever_came_first_and_had_little_time_takes_nobody_along() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        first = await occupied(gate, model)
        hasty = asyncio.create_task(answers.infer(model, request(1, timeout=0.01), None))
        await turns()
        patient = [asyncio.create_task(answers.infer(model, request(1, timeout=time), None)) for time in (60, 0, 60)]
        await turns()
        await asyncio.sleep(0.02)
        gate.open.set()
        assert await outcomes(hasty, *patient) == [DeadlineExceeded, [2], [2], [2]]
        await first
        assert gate.batches == [1, 1], "those that still had time ran once, together"
        assert failures(model) == {"REJECTED": 1}
        assert counts(model) == {"success": 4, "hit": 2, "miss": 1, "executions": 2, "rows": 2}


class Expiring:
    """As a served model: whom it is asked for first expires when it may; the next are told how much time they had."""

    name, version, identity, reads_parameters, labels = "m", "1", "m/1", False, NO_LABELS

    def __init__(self) -> None:
        self.may_expire = asyncio.Event()
        self.statistics = ModelStatistics()
        self.timeouts: list[float] = []

    def check(self, _: InferRequest) -> int:
        return 1

    def rejects_after(self, request: InferRequest) -> float:
        return request.timeout

    async def infer(self, request: InferRequest, _: Timeline | None) -> InferResponse:
        self.timeouts.append(request.timeout)
        if len(self.timeouts) == 1:
            await self.may_expire.wait()
            raise DeadlineExceeded("Request timeout expired")
        return InferResponse("m", "1", {"y": np.array([2])})


async def test_who_runs_after_waiting_for_another_has_the_time_that_is_left() -> None:
    model, (answers, _) = Expiring(), caching()
    asked = [
        asyncio.create_task(answers.infer(model, request(1, timeout=time), None))  # type: ignore[arg-type]
        for time in (5, 60)
    ]
    await turns()
    await asyncio.sleep(0.05)
    model.may_expire.set()
    assert await outcomes(*asked) == [DeadlineExceeded, [2]]
    first, second = model.timeouts
    assert 0 < first <= 5
    assert 0 < second <= 60 - 0.05


async def test_who_waits_for_another_keeps_its_own_deadline() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate) as model:
        gate.open.clear()
        leader = asyncio.create_task(answers.infer(model, request(1), None))
        await entered(gate)
        with pytest.raises(DeadlineExceeded, match=r"^Request timeout expired$"):
            await answers.infer(model, request(1, timeout=0.01), None)
        assert failures(model) == {"REJECTED": 1}
        gate.open.set()
        assert values(await leader) == [2]


async def test_a_models_own_timeout_holds_for_those_that_wait_too() -> None:
    gate, (answers, _) = Gate(), caching()
    policy = "dynamic_batching { default_queue_policy { default_timeout_microseconds: 1000000 } }"
    with served(gate, policy) as model:
        gate.open.clear()
        leader = asyncio.create_task(answers.infer(model, request(1, timeout=60), None))
        await entered(gate)  # within that second, which the leader has too
        assert await outcomes(answers.infer(model, request(1), None)) == [DeadlineExceeded]
        gate.open.set()
        assert values(await leader) == [2]


async def test_where_a_model_only_delays_what_is_late_nobody_is_refused_for_it() -> None:
    gate, (answers, _) = Gate(), caching()
    policy = "default_queue_policy { default_timeout_microseconds: 10000 timeout_action: DELAY }"
    with served(gate, f"dynamic_batching {{ {policy} }}") as model:
        gate.open.clear()
        asked = [asyncio.create_task(answers.infer(model, request(1, timeout=time), None)) for time in (60, 0, 0.01)]
        await entered(gate)
        await asyncio.sleep(0.03)
        gate.open.set()
        assert await outcomes(*asked) == [[2]] * 3
        assert gate.batches == [1]


async def test_a_full_queue_refuses_each_for_itself() -> None:
    gate, (answers, _) = Gate(), caching()
    with served(gate, "dynamic_batching { default_queue_policy { max_queue_size: 1 } }") as model:
        first = await occupied(gate, model)
        waiting = asyncio.create_task(model.infer(request(7)))
        await turns()
        refused = [asyncio.create_task(answers.infer(model, request(1), None)) for _ in range(3)]
        assert await outcomes(*refused) == [Overloaded] * 3
        assert failures(model) == {"REJECTED": 3}
        gate.open.set()
        assert await outcomes(first, waiting) == [[0], [14]]
        assert values(await answers.infer(model, request(1), None)) == [2]


async def test_an_answer_larger_than_the_cache_is_given_to_all_that_wait_and_not_kept() -> None:
    gate, (answers, cache) = Gate(), caching(size=100)
    with served(gate) as model:
        gate.open.clear()
        asked = [asyncio.create_task(answers.infer(model, request(1), None)) for _ in range(3)]
        await entered(gate)
        await turns()
        gate.open.set()
        assert await outcomes(*asked) == [[2]] * 3
        assert values(await answers.infer(model, request(1), None)) == [2]
        assert gate.batches == [1, 1]
        assert (cache.used, counts(model)["hit"]) == (0, 2)


async def test_what_had_to_go_runs_again() -> None:
    gate, (answers, cache) = Gate(), caching(size=4000)
    with served(gate) as model:
        for number in range(20):
            await answers.infer(model, request(number), None)
        assert cache.evictions > 0
        assert cache.used <= 4000
        await answers.infer(model, request(19), None)
        assert len(gate.batches) == 20
        await answers.infer(model, request(0), None)
        assert len(gate.batches) == 21


async def test_one_version_never_answers_from_anothers_entries() -> None:
    old, new, (answers, _) = Gate(), Gate(), caching()
    with served(old) as first, served(new) as second:
        await answers.infer(first, request(1), None)
        await answers.infer(second, request(1), None)
        assert old.batches == new.batches == [1]


async def test_the_answer_of_a_version_that_went_meanwhile_is_given_and_not_kept() -> None:
    gate, cache, loaded = Gate(), ResponseCache(1_000_000), [True]
    answers = CachedAnswers(cache, lambda _: loaded[0])
    with served(gate) as model:
        gate.open.clear()
        asked = asyncio.create_task(answers.infer(model, request(1), None))
        await entered(gate)
        loaded[0] = False
        cache.forget(model.identity)
        gate.open.set()
        assert values(await asked) == [2]
        assert cache.used == 0


async def test_all_that_wait_for_a_version_that_unloads_are_told_so() -> None:
    answers, _ = caching()
    with served(Gate()) as model:
        assert model.close(10)
        assert await outcomes(*(answers.infer(model, request(1), None) for _ in range(3))) == [ModelNotReady] * 3
        assert failures(model) == {}, "they will ask its successor"


async def test_the_timeline_of_a_request_that_runs_is_told_and_of_others_nothing() -> None:
    answers, _ = caching()
    timelines = [Timeline() for _ in range(3)]
    with served(Gate()) as model:
        await asyncio.gather(*(answers.infer(model, request(1), timeline) for timeline in timelines[:2]))
        await answers.infer(model, request(1), timelines[2])
    assert [len(timeline.runs) for timeline in timelines] == [1, 0, 0]


async def test_large_inputs_and_outputs_are_cached_alike() -> None:
    """So large that they are read and copied off the event loop."""
    gate, (answers, _) = Gate(), caching(size=1 << 30)
    config = """backend: "onnxruntime" input { name: "x" data_type: TYPE_FP32 dims: -1 }
        output [{ name: "y" data_type: TYPE_FP32 dims: -1 }, { name: "z" data_type: TYPE_FP32 dims: -1 }]"""
    large = np.arange(LARGE * 8, dtype=np.float32)
    with served(gate, "", config) as model:
        asked = [InferRequest("m", {"x": large.copy()}) for _ in range(3)]
        first, second = await asyncio.gather(*(answers.infer(model, one, None) for one in asked[:2]))
        again = await answers.infer(model, asked[2], None)
        large[-1] += 1
        other = await answers.infer(model, InferRequest("m", {"x": large}), None)
    assert gate.batches == [large.size] * 2
    for answer in (first, second, again):
        assert np.array_equal(answer.outputs["y"], 2 * asked[0].inputs["x"])
    assert other.outputs["y"][-1] == 2 * large[-1]
