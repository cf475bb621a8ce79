"""Of a served model: a request that is answered where it comes, and the same one by the queue, are the same to all."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from serving.core import model_config
from serving.core.requests import NO_PARAMETERS, Arrays, InferRequest, Parameters, TensorSpec
from serving.engine.pending import Pending
from serving.engine.served_model import ServedModel
from serving.errors import BackendFailed

CONFIG = """backend: "python" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output [{ name: "y" data_type: TYPE_FP32 dims: 1 }, { name: "z" data_type: TYPE_FP32 dims: 1 }] """


class Quick:
    """y = 2 x and z = -x; refuses NaN. Waits at an infinity until it is let go."""

    concurrency = 1
    reads_parameters = False
    is_steady = True

    def __init__(self) -> None:
        self.inputs = self.outputs = (TensorSpec("x", "FP32", (-1, 1)),)
        self.entered, self.go = threading.Event(), threading.Event()
        self.threads: list[threading.Thread] = []

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.threads.append(threading.current_thread())
        x = inputs["x"]
        if np.isinf(x).any():
            self.entered.set()
            assert self.go.wait(30)
        if np.isnan(x).any():
            raise ValueError("NaN is no number")
        return {"y": 2 * x, "z": -x}

    def close(self) -> None:
        pass


@contextmanager
def served(extra: str = "dynamic_batching { }", instances: int = 1) -> Iterator[tuple[list[Quick], ServedModel]]:
    config = model_config.complete(model_config.parse(f"{CONFIG} {extra} instance_group {{ count: {instances} }}", "m"))
    quick = [Quick() for _ in range(instances)]
    model = ServedModel("1", config, quick, {}, asyncio.get_running_loop())
    try:
        yield quick, model
    finally:
        for each in quick:
            each.go.set()
        model.close(10)


Future = asyncio.Future[Arrays]


def ask(model: ServedModel, *values: float, is_lone: bool = True, **fields: Any) -> tuple[Future, Pending]:
    request = InferRequest("m", {"x": np.float32(values).reshape(-1, 1)}, **fields)
    answer: Future = asyncio.get_running_loop().create_future()
    return answer, model.enqueue(request, model.fit(request), request.inputs, answer, is_lone=is_lone)


async def known(model: ServedModel, *sizes: int, seconds: float = 60) -> int:
    """Until batches of these sizes are known to be quick; how many requests that took. A machine that stalls seems slow
    for a while."""
    asked, deadline = 0, time.monotonic() + seconds
    for size in sizes:
        is_at_once = False
        while not is_at_once and time.monotonic() < deadline:
            answer, _ = ask(model, *range(size))
            is_at_once = answer.done()
            await answer
            asked += 1
            await asyncio.sleep(0)
    return asked


def values(outputs: Arrays) -> dict[str, list[float]]:
    return {name: array.ravel().tolist() for name, array in outputs.items()}


async def test_a_lone_request_is_answered_before_the_call_returns_and_another_one_is_not() -> None:
    with served() as (_, model):
        await known(model, 1)
        answer, pending = ask(model, 3)
        assert answer.done()
        assert values(answer.result()) == {"y": [6], "z": [-3]}
        assert pending.arrived > 0
        queued, _ = ask(model, 3, is_lone=False)
        assert not queued.done()
        assert values(await queued) == values(answer.result())


def counts(model: ServedModel) -> list[object]:
    found = model.statistics
    durations = (found.success, found.fail, found.queue, found.compute)
    histograms = (found.request_seconds, found.queue_seconds, found.compute_seconds, found.misprediction)
    return [
        *(found.inferences, found.executions, found.failures, found.refusals),
        *(each.count for each in durations),
        *(each.cumulative()[-1] for each in histograms),
        found.batch_rows.buckets,
        {rows: each.count for rows, each in found.batches.items()},
        repr(found.objectives),
    ]


async def test_lone_and_queued_requests_get_the_same_and_count_the_same() -> None:
    asked = [[float(number)] * (1 + number % 3) for number in range(100)] + [[float("nan")]] * 3
    answers: list[list[object]] = []
    counted: list[list[object]] = []
    at_once = []
    for is_lone in (True, False):
        with served() as (_, model):
            done, found = 0, []
            for each in asked:
                answer, _ = ask(model, *each, is_lone=is_lone)
                done += answer.done()
                [outcome] = await asyncio.gather(answer, return_exceptions=True)
                found.append(str(outcome) if isinstance(outcome, BaseException) else values(outcome))
            assert model.pending == 0
            answers.append([*found])
            counted.append(counts(model))
            at_once.append(done)
    assert answers[0] == answers[1]
    assert counted[0] == counted[1]
    assert at_once[1] == 0


async def test_the_time_of_a_lone_request_is_told() -> None:
    with served() as (_, model):
        await known(model, 1)
        before = model.statistics.success.seconds
        since = time.monotonic()
        answer, pending = ask(model, 1)
        assert answer.done()
        assert since <= pending.arrived <= time.monotonic()
        assert 0 < model.statistics.success.seconds - before <= time.monotonic() - since
        assert model.statistics.last_inference_ms > 0


async def test_one_that_fails_at_once_is_told_why_and_the_next_is_answered() -> None:
    with served() as (_, model):
        await known(model, 1)
        failed, _ = ask(model, float("nan"))
        assert failed.done()
        assert isinstance(failed.exception(), BackendFailed)
        assert str(failed.exception()) == "the model failed on this request: ValueError: NaN is no number"
        answer, _ = ask(model, 4)
        assert answer.done()
        assert values(answer.result())["y"] == [8]


async def test_one_whose_rows_are_as_many_as_were_seen_is_answered_at_once_too() -> None:
    with served() as (_, model):
        await known(model, 1, 2, 4)
        answer, _ = ask(model, 1, 2, 3, 4)
        assert answer.done()
        assert values(answer.result())["y"] == [2, 4, 6, 8]


ORDERED = "dynamic_batching { preserve_ordering: true }"


async def test_with_preserve_ordering_lone_ones_do_not_overtake_what_runs() -> None:
    with served(ORDERED, instances=2) as (quick, model):
        early, _ = ask(model, float("inf"))  # by an instance's thread, since nothing is known of it
        while not any(each.entered.is_set() for each in quick):
            await asyncio.sleep(0.001)
        late, deadline = [], time.monotonic() + 30
        for number in range(50):  # of which the first say how quick they are
            late.append(ask(model, number)[0])
            while model.statistics.executions < len(late) and time.monotonic() < deadline:
                await asyncio.sleep(0)
        assert not any(each.done() for each in late)
        for each in quick:
            each.go.set()
        async with asyncio.timeout(30):
            await early
            assert [values(await each)["y"] for each in late] == [[2 * number] for number in range(50)]


LIMITED = "dynamic_batching { default_queue_policy { default_timeout_microseconds: 60000000 } }"
OBJECTIVE = 'dynamic_batching { } parameters { key: "latency_objective_ms" value { string_value: "60000" } }'
DELAYED = "dynamic_batching { max_queue_delay_microseconds: 100 }"


@pytest.mark.parametrize(
    ("extra", "fields"),
    [("dynamic_batching { }", {"timeout": 60.0}), (LIMITED, {}), (OBJECTIVE, {})],
    ids=["timeout", "timeout in the queue", "objective"],
)
async def test_who_has_time_enough_is_answered_at_once(extra: str, fields: dict[str, Any]) -> None:
    with served(extra) as (_, model):
        deadline = time.monotonic() + 30
        while not (asked := ask(model, 3, **fields)[0]).done():
            await asked
            assert time.monotonic() < deadline, "it never was"
        assert values(await asked)["y"] == [6]


async def test_who_is_waited_for_goes_by_the_queue() -> None:
    with served(DELAYED) as (_, model):
        for number in range(50):
            answer, _ = ask(model, number)
            assert not answer.done()
            assert values(await answer)["y"] == [2 * number]
        assert model.statistics.success.count == 50


async def test_whoever_has_a_deadline_is_counted_among_those_in_time() -> None:
    with served() as (_, model):
        asked = await known(model, 1)
        await ask(model, 1, timeout=60.0)[0]
        assert repr(model.statistics.objectives) == "<Objectives 1 in_time, 0 late, 0 refused, 0 dropped>"
        assert model.statistics.success.count == asked + 1


async def test_who_was_answered_at_once_can_be_given_up_no_more() -> None:
    with served() as (_, model):
        asked = await known(model, 1)
        answer, pending = ask(model, 1)
        assert answer.done()
        model.give_up(pending)
        assert model.statistics.success.count == asked + 1
        assert sum(model.statistics.failures.values()) == 0


async def test_while_another_waits_a_lone_one_waits_too_and_they_run_together() -> None:
    with served() as (_, model):
        await known(model, 1)
        executions = model.statistics.executions
        first, _ = ask(model, 1, is_lone=False)
        second, _ = ask(model, 2)
        assert not second.done()
        assert [values(each)["y"] for each in await asyncio.gather(first, second)] == [[2], [4]]
        assert model.statistics.executions == executions + 1


async def test_after_the_end_a_lone_one_is_refused_as_others_are() -> None:
    with served() as (quick, model):
        await known(model, 1)
        assert await asyncio.to_thread(model.close, 10)
        ran = len(quick[0].threads)
        with pytest.raises(Exception, match="the model is unloading"):
            ask(model, 1)
        assert len(quick[0].threads) == ran
