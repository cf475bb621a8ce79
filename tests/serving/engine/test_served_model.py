"""A served model over instances that the test holds in its hand: each implements the `ModelInstance` protocol."""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from serving.core import model_config
from serving.core.requests import NO_PARAMETERS, Arrays, InferRequest, InferResponse, Parameters, TensorSpec
from serving.engine.served_model import ServedModel
from serving.errors import BackendFailed, DeadlineExceeded, Overloaded

CONFIG = """backend: "python" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: 1 }
output [{ name: "y" data_type: TYPE_FP32 dims: 1 }, { name: "z" data_type: TYPE_FP32 dims: 1 }] """


class Gate:
    """y = 2 x and z = -x, as soon as `open` is set; refuses NaN as a model may refuse a value."""

    concurrency = 1
    reads_parameters = False

    def __init__(self) -> None:
        self.inputs = self.outputs = (TensorSpec("x", "FP32", (-1, 1)),)
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)
        self.batches: list[int] = []
        self.closed = False

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.entered.release()
        assert self.open.wait(30)
        x = inputs["x"]
        self.batches.append(len(x))
        if np.isnan(x).any():
            raise ValueError("NaN is no number")
        return {"y": 2 * x, "z": -x}

    def close(self) -> None:
        self.closed = True


@contextmanager
def served(gate: Gate, extra: str = "dynamic_batching { }", config: str = CONFIG) -> Iterator[ServedModel]:
    parsed = model_config.complete(model_config.parse(config + extra, "m"))
    model = ServedModel("1", parsed, [gate], {}, asyncio.get_running_loop())
    try:
        yield model
    finally:
        gate.open.set()
        model.close(10)


def request(*values: float, timeout: float = 0.0, outputs: tuple[str, ...] = ()) -> InferRequest:
    return InferRequest("m", {"x": np.float32(values).reshape(-1, 1)}, timeout=timeout, output_names=outputs)


async def entered(gate: Gate) -> None:
    assert await asyncio.to_thread(gate.entered.acquire, timeout=30)


async def occupied(gate: Gate, model: ServedModel) -> "asyncio.Task[InferResponse]":
    """Close the gate behind a first request, so that whatever comes now waits; the request's task."""
    gate.open.clear()
    first = asyncio.create_task(model.infer(request(0)))
    await entered(gate)
    return first


def failures(model: ServedModel) -> dict[str, int]:
    return {reason.value: count for reason, count in model.statistics.failures.items() if count}


def values(response: InferResponse, name: str = "y") -> list[float]:
    return [float(value) for value in response.outputs[name].ravel()]


async def test_concurrent_requests_run_together_and_each_gets_its_own_rows() -> None:
    gate = Gate()
    with served(gate) as model:
        first = await occupied(gate, model)
        others = [asyncio.create_task(model.infer(request(n, -n))) for n in (1, 2, 3)]
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(first, *others)
        assert [values(answer) for answer in answers] == [[0], [2, -2], [4, -4], [6, -6]]
        assert gate.batches == [1, 6]
        statistics = model.statistics
        assert (statistics.success.count, statistics.inferences, statistics.executions) == (4, 7, 2)
        assert model.pending == 0


async def test_without_a_dynamic_batching_block_requests_run_alone() -> None:
    gate = Gate()
    with served(gate, extra="") as model:
        gate.open.clear()
        waiting = [asyncio.create_task(model.infer(request(n))) for n in range(4)]
        await entered(gate)
        assert model.pending == 3
        gate.open.set()
        await asyncio.gather(*waiting)
        assert gate.batches == [1, 1, 1, 1]


async def test_only_the_outputs_that_were_asked_for_are_answered() -> None:
    with served(Gate()) as model:
        assert (await model.infer(request(1, outputs=("z",)))).outputs.keys() == {"z"}
        assert (await model.infer(request(1))).outputs.keys() == {"y", "z"}


async def test_a_bad_request_costs_its_neighbours_nothing() -> None:
    gate = Gate()
    with served(gate) as model:
        first = await occupied(gate, model)
        good, bad, fine = (asyncio.create_task(model.infer(request(x))) for x in (1, float("nan"), 3))
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(first, good, bad, fine, return_exceptions=True)
        assert [values(answers[i]) for i in (1, 3)] == [[2], [6]]  # type: ignore[arg-type]
        assert isinstance(answers[2], BackendFailed)
        assert str(answers[2]) == "the model failed on this request: ValueError: NaN is no number"
        assert (model.statistics.success.count, model.statistics.inferences) == (3, 3)
        assert failures(model) == {"BACKEND": 1}


async def test_singling_out_a_bad_request_halves_the_batch() -> None:
    gate = Gate()
    with served(gate) as model:
        first = await occupied(gate, model)
        waiting = [asyncio.create_task(model.infer(request(float("nan") if n == 5 else n))) for n in range(8)]
        await asyncio.sleep(0)
        gate.open.set()
        answers = await asyncio.gather(first, *waiting, return_exceptions=True)
        assert [isinstance(answer, BackendFailed) for answer in answers[1:]] == [n == 5 for n in range(8)]
        assert gate.batches == [1, 8, 4, 4, 2, 1, 1, 2], "2 log2(8) runs more, not 8"


async def test_a_full_queue_refuses_at_the_door_and_counts_it() -> None:
    gate = Gate()
    with served(gate, "dynamic_batching { default_queue_policy { max_queue_size: 2 } }") as model:
        first = await occupied(gate, model)
        waiting = [asyncio.create_task(model.infer(request(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await model.infer(request(3))
        gate.open.set()
        assert [values(answer) for answer in await asyncio.gather(first, *waiting)] == [[0], [2], [4]]
        assert model.statistics.success.count == 3
        assert failures(model) == {"REJECTED": 1}


@pytest.mark.parametrize(
    ("extra", "timeout"),
    [
        ("dynamic_batching { }", 1e-6),
        (
            """dynamic_batching { default_queue_policy {
            default_timeout_microseconds: 1 allow_timeout_override: true } }""",
            0.0,
        ),
    ],
)
async def test_an_expired_request_is_answered_and_not_run(extra: str, timeout: float) -> None:
    gate = Gate()
    with served(gate, extra) as model:
        gate.open.clear()
        first = asyncio.create_task(model.infer(request(0, timeout=60)))
        await entered(gate)
        late = asyncio.create_task(model.infer(request(1, timeout=timeout)))
        await asyncio.sleep(0.01)
        gate.open.set()
        with pytest.raises(DeadlineExceeded, match=r"^Request timeout expired$"):
            await late
        await first
        assert gate.batches == [1]
        assert failures(model) == {"REJECTED": 1}


async def test_what_became_of_those_with_a_deadline_is_counted_and_what_their_batches_should_have_taken() -> None:
    gate = Gate()
    with served(gate, "dynamic_batching { }") as model:
        gate.open.clear()
        late = asyncio.create_task(model.infer(request(0, timeout=1.0)))
        await entered(gate)
        dropped = asyncio.create_task(model.infer(request(1, timeout=0.01)))
        await asyncio.sleep(1.05)
        gate.open.set()
        await late
        with pytest.raises(DeadlineExceeded):
            await dropped
        with pytest.raises(Overloaded, match="could not be answered in time"):
            await model.infer(request(2, timeout=1e-4))
        assert model.statistics.misprediction.cumulative()[-1] == 0, "nothing was known of the first"
        await model.infer(request(3, timeout=60))
        await model.infer(request(4))
        assert repr(model.statistics.objectives) == "<Objectives 1 in_time, 1 late, 1 refused, 1 dropped>"
        assert model.statistics.misprediction.cumulative()[-1] == 1


async def test_a_cancelled_request_leaves_the_queue() -> None:
    gate = Gate()
    with served(gate) as model:
        first = await occupied(gate, model)
        gone = asyncio.create_task(model.infer(request(1)))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        gate.open.set()
        await first
        await model.infer(request(2))
        assert gate.batches == [1, 1]
        assert failures(model) == {"CANCELED": 1}


async def test_a_caller_that_leaves_while_its_request_runs_harms_nobody() -> None:
    gate = Gate()
    with served(gate) as model:
        gate.open.clear()
        gone = asyncio.create_task(model.infer(request(1)))
        await entered(gate)
        gone.cancel()
        gate.open.set()
        assert values(await model.infer(request(2))) == [4]


async def test_close_answers_what_is_queued_and_frees_the_instances() -> None:
    gate = Gate()
    with served(gate, "dynamic_batching { max_queue_delay_microseconds: 3600000000 }") as model:
        waiting = [asyncio.create_task(model.infer(request(n))) for n in (1, 2)]
        await asyncio.sleep(0)
        await asyncio.to_thread(model.close, 10)
        assert [values(answer) for answer in await asyncio.gather(*waiting)] == [[2], [4]]
        assert gate.closed


async def waiting(model: ServedModel, *asked: InferRequest) -> "list[asyncio.Task[InferResponse]]":
    """Tasks whose requests are in the queue, in this order."""
    tasks = [asyncio.create_task(model.infer(each)) for each in asked]
    await asyncio.sleep(0)
    return tasks


ORDERED = "dynamic_batching { preserve_ordering: true }"


@contextmanager
def two_gates() -> Iterator[tuple[Gate, Gate, ServedModel]]:
    """A served model that preserves order, and whose instances end when the test says so."""
    config = model_config.complete(
        model_config.parse(f"{CONFIG} {ORDERED} instance_group {{ count: 2 }}", "m"),
    )
    first, second = Gate(), Gate()
    first.open.clear()
    second.open.clear()
    model = ServedModel("1", config, [first, second], {}, asyncio.get_running_loop())
    try:
        yield first, second, model
    finally:
        first.open.set()
        second.open.set()
        model.close(10)


async def both_run(
    first: Gate, second: Gate, model: ServedModel
) -> "tuple[Gate, Gate, list[asyncio.Task[InferResponse]]]":
    """Two requests that run at once: the gates in the order of their requests, and the requests' tasks."""
    [early] = await waiting(model, request(1))
    taken = first
    while not first.entered.acquire(blocking=False):
        if second.entered.acquire(blocking=False):
            taken = second
            break
        await asyncio.sleep(0.001)
    [late] = await waiting(model, request(2))
    other = second if taken is first else first
    await entered(other)
    return taken, other, [early, late]


async def counted(model: ServedModel, executions: int) -> None:
    while model.statistics.executions < executions:
        await asyncio.sleep(0.001)


async def test_with_preserve_ordering_an_answer_waits_for_those_before_it() -> None:
    with two_gates() as gates:
        early_gate, late_gate, [early, late] = await both_run(*gates)
        late_gate.open.set()
        await counted(gates[2], 1)
        assert not late.done()
        early_gate.open.set()
        done, _ = await asyncio.wait([early, late], return_when=asyncio.FIRST_COMPLETED)
        assert early in done
        assert [values(await each) for each in (early, late)] == [[2], [4]]
        assert gates[2].statistics.success.count == 2


async def test_an_answer_does_not_wait_for_a_caller_that_left() -> None:
    with two_gates() as gates:
        _, late_gate, [early, late] = await both_run(*gates)
        late_gate.open.set()
        await counted(gates[2], 1)
        early.cancel()
        assert values(await late) == [4]
        assert failures(gates[2]) == {"CANCELED": 1}


async def test_a_caller_that_leaves_while_its_answer_is_held_is_counted_once() -> None:
    with two_gates() as gates:
        early_gate, late_gate, [early, late] = await both_run(*gates)
        late_gate.open.set()
        await counted(gates[2], 1)
        late.cancel()
        await asyncio.wait([late])
        early_gate.open.set()
        assert values(await early) == [2]
        assert (gates[2].statistics.success.count, failures(gates[2])) == (2, {})


async def test_failures_and_expired_requests_keep_the_order_too() -> None:
    gate = Gate()
    with served(gate, ORDERED) as model:
        ended: list[int] = []
        first = await occupied(gate, model)
        tasks = await waiting(model, request(1), request(float("nan")), request(3, timeout=1e-6), request(4))
        for number, task in enumerate([first, *tasks]):
            task.add_done_callback(lambda _, number=number: ended.append(number))
        await asyncio.sleep(0.01)
        gate.open.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer) for answer in answers] == [InferResponse, BackendFailed, DeadlineExceeded, InferResponse]
        assert ended == [0, 1, 2, 3, 4]


async def test_a_priority_level_has_its_own_timeout_and_limit() -> None:
    gate = Gate()
    extra = """dynamic_batching { priority_levels: 2 default_priority_level: 2
        priority_queue_policy { key: 1 value { default_timeout_microseconds: 1 max_queue_size: 1 } } }"""
    with served(gate, extra) as model:
        first = await occupied(gate, model)
        high = InferRequest("m", request(1).inputs, priority=1)
        [late, patient] = await waiting(model, high, request(2))
        with pytest.raises(Overloaded):
            await model.infer(high)
        await asyncio.sleep(0.01)
        gate.open.set()
        with pytest.raises(DeadlineExceeded):
            await late
        assert [values(await each) for each in (first, patient)] == [[0], [4]]


async def test_a_delayed_request_is_answered_after_its_timeout() -> None:
    gate = Gate()
    with served(gate, "dynamic_batching { default_queue_policy { timeout_action: DELAY } }") as model:
        first = await occupied(gate, model)
        [late] = await waiting(model, request(1, timeout=1e-6))
        await asyncio.sleep(0.01)
        gate.open.set()
        assert [values(await each) for each in (first, late)] == [[0], [2]]
        assert failures(model) == {}


async def test_a_batch_must_end_before_its_callers_time_is_up_since_answers_have_a_way_to_go() -> None:
    with served(Gate()) as model:
        for _ in range(16):
            await model.infer(request(1, timeout=60))
        before = time.monotonic()
        answer: asyncio.Future[Arrays] = asyncio.get_running_loop().create_future()
        pending = model.submit(request(1, timeout=60), answer)
        assert before + 54 <= pending.deadline < before + 60
        assert pending.expires <= pending.deadline
        await answer


class Threads:
    """Answers at once, and keeps which threads it ran on."""

    concurrency = 1
    reads_parameters = False

    def __init__(self, is_steady: bool) -> None:
        self.is_steady = is_steady
        self.inputs = self.outputs = (TensorSpec("x", "FP32", (-1, 1)),)
        self.seen: set[threading.Thread] = set()

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.seen.add(threading.current_thread())
        return {"y": inputs["x"], "z": inputs["x"]}

    def close(self) -> None:
        pass


RAGGED = CONFIG.replace("python", "onnxruntime").replace("dims: 1 }", "dims: -1 allow_ragged_batch: true }", 1)


@pytest.mark.parametrize(("text", "is_steady"), [(CONFIG, True), (CONFIG, False), (RAGGED, True)])
async def test_the_event_loop_runs_what_is_quick_if_its_shapes_tell_how_long_it_takes(
    text: str, is_steady: bool
) -> None:
    config = model_config.complete(model_config.parse(text, "m"))
    instance, here = Threads(is_steady), is_steady and text == CONFIG
    model = ServedModel("1", config, [instance], {}, asyncio.get_running_loop())
    asked, deadline = 0, time.monotonic() + 60  # a machine that stalls seems slow for a while
    while asked < 1000 or (here and threading.current_thread() not in instance.seen and time.monotonic() < deadline):
        await model.infer(request(1))  # some of which tell how quick it is
        asked += 1
    assert await asyncio.to_thread(model.close, 10)
    assert (threading.current_thread() in instance.seen) == here
