"""An ensemble over models that the test holds in its hand: each instance implements the `ModelInstance` protocol."""

import asyncio
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

import numpy as np
import pytest

from serving.core import ensemble as core
from serving.core import model_config
from serving.core.requests import NO_PARAMETERS, Arrays, InferRequest, InferResponse, Parameters, TensorSpec
from serving.core.timeline import Timeline
from serving.engine.dispatch import Dispatch
from serving.engine.ensemble import Ensemble
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel
from serving.errors import (
    BackendFailed,
    DeadlineExceeded,
    InvalidInput,
    ModelNotReady,
    Overloaded,
    StepNotReady,
    VersionNotFound,
)

IO = """max_batch_size: 8 input { name: "x" data_type: TYPE_FP32 dims: 1 }
output { name: "y" data_type: TYPE_FP32 dims: 1 } """

TWO = IO + 'input { name: "z" data_type: TYPE_FP32 dims: 1 }'


class Plus:
    """y = x + 1 (+ z, where there is one), as soon as `open` is set; keeps what it was given and what it gave.

    A negative x is the caller's fault, NaN the model's.
    """

    concurrency = 1
    reads_parameters = True

    def __init__(self) -> None:
        self.inputs = self.outputs = (TensorSpec("x", "FP32", (-1, 1)),)
        self.open = threading.Event()
        self.open.set()
        self.entered = threading.Semaphore(0)
        self.given: list[np.ndarray] = []
        self.gave: list[np.ndarray] = []
        self.parameters: Parameters = NO_PARAMETERS

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.entered.release()
        assert self.open.wait(30)
        x = inputs["x"]
        if np.isnan(x).any():
            raise ValueError("NaN is no number")
        if (x < 0).any():
            raise InvalidInput("x must not be negative")
        self.parameters = parameters
        self.given.append(x)
        self.gave.append(x + 1 + inputs.get("z", 0))
        return {"y": self.gave[-1]}

    def close(self) -> None:
        pass


class Kitchen:
    """Models `a`, `b`, ... by name, and ensembles of them."""

    def __init__(self) -> None:
        self.instances: dict[str, Plus] = {}
        self.models: dict[str, Servable] = {}
        self.dispatch = Dispatch(self._find, lambda _: None)

    def ensemble(self, steps: str, name: str = "E", max_batch_size: int = 8) -> Ensemble:
        """`steps` such as `a:x>t b:t>y`: model, the tensors that it reads, the tensor that it writes."""
        text = "".join(_step(step) for step in steps.split())
        config = model_config.parse(f'{IO} platform: "ensemble" ensemble_scheduling {{ {text} }}', name)
        config.max_batch_size = max_batch_size
        made = Ensemble("1", model_config.complete(config), core.graph(config), {}, self.dispatch)
        self.models[name] = made
        return made

    def _find(self, name: str, _: str) -> Servable:
        if name not in self.models:
            raise VersionNotFound(f"Request for unknown model: '{name}' has no available versions: unloaded")
        return self.models[name]


def _step(text: str) -> str:
    model, _, tensors = text.partition(":")
    reads, _, writes = tensors.partition(">")
    maps = [f'input_map {{ key: "{key}" value: "{name}" }}' for key, name in zip("xz", reads.split(","), strict=False)]
    return f"""step {{ model_name: "{model}" model_version: -1 {" ".join(maps)}
    output_map {{ key: "y" value: "{writes}" }} }}"""


@contextmanager
def kitchen(names: str, configs: Mapping[str, str] | None = None) -> Iterator[Kitchen]:
    made = Kitchen()
    with ExitStack() as stack:
        for name in names:
            text = (configs or {}).get(name, f"{IO} dynamic_batching {{ }}")
            config = model_config.complete(model_config.parse(f'backend: "python" {text}', name))
            instance = made.instances[name] = Plus()
            model = made.models[name] = ServedModel("1", config, [instance], {}, asyncio.get_running_loop())
            stack.callback(model.close, 10)
            stack.callback(instance.open.set)
        yield made


def request(*values: float, name: str = "E", **more: object) -> InferRequest:
    return InferRequest(name, {"x": np.float32(values).reshape(-1, 1)}, **more)  # type: ignore[arg-type]


def values(response: InferResponse) -> list[float]:
    return [float(value) for value in response.outputs["y"].ravel()]


async def entered(instance: Plus) -> None:
    assert await asyncio.to_thread(instance.entered.acquire, timeout=30)


def failures(model: Servable) -> dict[str, int]:
    return {reason.value: count for reason, count in model.statistics.failures.items() if count}


async def test_arrays_go_from_step_to_step_uncopied() -> None:
    with kitchen("ab") as made:
        ensemble, asked = made.ensemble("a:x>t b:t>y"), request(1, 2)
        answer = await ensemble.infer(asked)
        a, b = made.instances["a"], made.instances["b"]
        assert values(answer) == [3, 4]
        assert np.shares_memory(a.given[0], asked.inputs["x"])
        assert np.shares_memory(b.given[0], a.gave[0])
        assert np.shares_memory(answer.outputs["y"], b.gave[0])
        assert (answer.model_name, answer.model_version) == ("E", "1")
        assert repr(ensemble) == "<Ensemble E/1, 2 steps>"


async def test_steps_that_do_not_need_one_another_run_at_the_same_time() -> None:
    with kitchen("abj", {"j": TWO}) as made:
        ensemble = made.ensemble("j:u,v>y a:x>u b:x>v")
        made.instances["a"].open.clear()
        made.instances["b"].open.clear()
        answer = asyncio.create_task(ensemble.infer(request(1)))
        await entered(made.instances["a"])
        await entered(made.instances["b"])
        made.instances["a"].open.set()
        made.instances["b"].open.set()
        assert values(await answer) == [5]


async def test_a_step_is_batched_with_the_requests_of_others() -> None:
    with kitchen("ab") as made:
        ensemble, b = made.ensemble("a:x>t b:t>y"), made.instances["b"]
        b.open.clear()
        first = asyncio.create_task(made.models["b"].infer(request(7, name="b")))
        await entered(b)
        waiting = [asyncio.create_task(ensemble.infer(request(n, n))) for n in range(3)]
        while made.models["b"].pending < 3:
            await asyncio.sleep(0.001)
        assert ensemble.pending == 0
        b.open.set()
        await first
        assert [values(await answer) for answer in waiting] == [[n + 2, n + 2] for n in range(3)]
        assert [len(rows) for rows in b.given] == [1, 6]
        statistics = ensemble.statistics
        assert (statistics.success.count, statistics.inferences, statistics.executions) == (3, 6, 3)


async def test_the_statistics_sum_up_the_steps() -> None:
    with kitchen("ab") as made:
        ensemble = made.ensemble("a:x>t b:t>y")
        await ensemble.infer(request(1, 2))
        steps = [made.models[name].statistics for name in "ab"]
        own = ensemble.statistics
        for part in ("compute_input", "compute_infer", "compute_output"):
            summed = sum(getattr(step.compute, part).seconds for step in steps)
            assert getattr(own.compute, part).seconds == pytest.approx(summed, abs=1e-7)
        assert own.queue.seconds == pytest.approx(sum(step.queue.seconds for step in steps), abs=1e-7)
        assert own.success.seconds >= own.queue.seconds + own.compute.compute_infer.seconds
        assert own.batches.keys() == {2}


async def test_a_timeline_is_told_every_steps_marks() -> None:
    with kitchen("ab") as made:
        timeline = Timeline()
        await made.ensemble("a:x>t b:t>y").infer(request(1), timeline)
        names = [name for name, _ in timeline.marks()]
        assert names[0] == "REQUEST_START"
        assert names[1:6] == names[6:11]
        assert names[1] == "QUEUE_START"


async def test_an_ensemble_may_be_a_step_of_another() -> None:
    with kitchen("ab") as made:
        made.ensemble("a:x>t b:t>y", "inner")
        outer = made.ensemble("inner:x>t a:t>y", "outer")
        timeline = Timeline()
        assert values(await outer.infer(request(1, name="outer"), timeline)) == [4]
        assert [run.batch.model for run in timeline.runs] == ["a", "b", "a"]


async def test_what_the_caller_says_beside_the_tensors_goes_to_every_step() -> None:
    with kitchen("ab") as made:
        await made.ensemble("a:x>t b:t>y").infer(request(1, parameters={"colour": "red"}))
        assert [made.instances[name].parameters for name in "ab"] == [{"colour": "red"}] * 2


async def test_a_cancelled_caller_frees_the_steps_that_wait_and_starts_no_more() -> None:
    with kitchen("ab") as made:
        ensemble, a = made.ensemble("a:x>t b:t>y"), made.instances["a"]
        a.open.clear()
        first = asyncio.create_task(made.models["a"].infer(request(7, name="a")))
        await entered(a)
        answer = asyncio.create_task(ensemble.infer(request(1)))
        while made.models["a"].pending < 1:
            await asyncio.sleep(0.001)
        answer.cancel()
        with pytest.raises(asyncio.CancelledError):
            await answer
        assert made.models["a"].pending == 0
        a.open.set()
        await first
        assert made.instances["b"].given == []
        assert failures(ensemble) == failures(made.models["a"]) == {"CANCELED": 1}
        assert ensemble.close(0)


async def test_a_step_that_fails_cancels_those_beside_it() -> None:
    with kitchen("abj", {"j": TWO}) as made:
        ensemble, b = made.ensemble("a:x>t b:x>u j:t,u>y"), made.instances["b"]
        b.open.clear()
        running = asyncio.create_task(made.models["b"].infer(request(7, name="b")))
        await entered(b)
        with pytest.raises(BackendFailed, match=r"in ensemble 'E', model 'a': .* NaN is no number"):
            await ensemble.infer(request(float("nan")))
        assert made.models["b"].pending == 0
        b.open.set()
        await running
        assert failures(ensemble) == {"BACKEND": 1}
        assert made.instances["j"].given == []


async def test_the_time_of_a_request_is_that_of_all_its_steps() -> None:
    with kitchen("ab") as made:
        ensemble, a, b = made.ensemble("a:x>t b:t>y"), made.instances["a"], made.instances["b"]
        b.open.clear()
        running = asyncio.create_task(made.models["b"].infer(request(7, name="b")))
        await entered(b)
        queued = asyncio.create_task(ensemble.infer(request(1, timeout=0.5)))
        await asyncio.sleep(0.55)
        b.open.set()
        with pytest.raises(DeadlineExceeded, match="in ensemble 'E', model 'b': Request timeout expired"):
            await queued
        await running
        a.open.clear()
        late = asyncio.create_task(ensemble.infer(request(2, timeout=0.5)))
        await entered(a)
        await entered(a)
        await asyncio.sleep(0.55)
        a.open.set()
        with pytest.raises(DeadlineExceeded, match="model 'b': Request timeout expired"):
            await late
        assert len(b.given) == 1, "the step had no time left, so it was not asked"
        assert failures(ensemble) == {"REJECTED": 2}


async def test_the_callers_faults_stay_the_callers() -> None:
    with kitchen("a") as made:
        ensemble = made.ensemble("a:x>y")
        with pytest.raises(InvalidInput, match="in ensemble 'E', model 'a': x must not be negative"):
            await ensemble.infer(request(-1))
        with pytest.raises(InvalidInput, match=r"batch-size must be <= 8 for 'E'"):
            await ensemble.infer(request(*range(9)))
        with pytest.raises(InvalidInput, match="unexpected inference output 'z' for model 'E'"):
            await ensemble.infer(request(1, output_names=("z",)))
        assert failures(ensemble) == {"OTHER": 1}


async def test_a_full_queue_of_a_step_says_when_to_come_back() -> None:
    limit = "dynamic_batching { default_queue_policy { max_queue_size: 1 } }"
    with kitchen("a", {"a": f"{IO} {limit}"}) as made:
        ensemble, a = made.ensemble("a:x>y"), made.instances["a"]
        a.open.clear()
        running = asyncio.create_task(made.models["a"].infer(request(1, name="a")))
        await entered(a)
        waiting = asyncio.create_task(made.models["a"].infer(request(1, name="a")))
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="in ensemble 'E', model 'a': ") as refused:
            await ensemble.infer(request(1))
        assert refused.value.retry_after >= 1
        a.open.set()
        await asyncio.gather(running, waiting)


async def test_a_step_whose_model_went_away_is_named_and_nothing_is_asked_twice() -> None:
    with kitchen("ab") as made:
        ensemble, b = made.ensemble("a:x>t b:t>y"), made.models.pop("b")
        with pytest.raises(StepNotReady, match=r"ensemble 'E' depends on 'b', which is not ready: .* unloaded"):
            await made.dispatch.infer(request(1))
        assert len(made.instances["a"].given) == 1
        made.models["b"] = b
        assert values(await ensemble.infer(request(1))) == [3]


async def test_models_with_and_without_batches_meet() -> None:
    unbatched = IO.replace("max_batch_size: 8", "")
    with kitchen("ab", {"b": unbatched}) as made:
        ensemble = made.ensemble("a:x>t b:t>u a:u>y", max_batch_size=0)
        answer = await ensemble.infer(InferRequest("E", {"x": np.ones(1, np.float32)}))
        assert answer.outputs["y"].tolist() == [4]
        assert [rows.shape for rows in made.instances["b"].given] == [(1,)]


async def test_closing_answers_what_was_accepted_and_refuses_what_comes() -> None:
    with kitchen("a") as made:
        ensemble, a = made.ensemble("a:x>y"), made.instances["a"]
        a.open.clear()
        accepted = asyncio.create_task(ensemble.infer(request(1)))
        await entered(a)
        assert not ensemble.close(0.01)
        with pytest.raises(ModelNotReady):
            await ensemble.infer(request(2))
        closing = asyncio.create_task(asyncio.to_thread(ensemble.close, 30))
        a.open.set()
        assert values(await accepted) == [2]
        assert await closing


async def test_a_stream_is_its_one_answer() -> None:
    with kitchen("a") as made:
        ensemble = made.ensemble("a:x>y")
        ensemble.drain()
        answers = [answer async for answer in ensemble.stream(request(1))]
        assert [(values(answer), answer.final) for answer in answers] == [([2], True)]
