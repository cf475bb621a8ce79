"""model.py files as they lie in a repository, loaded and run."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from serving.backends import python
from serving.backends.backend import DecoupledInstance, ModelInstance
from serving.backends.python import DecoupledPythonInstance
from serving.core import model_config
from serving.engine.repository import ModelRepository
from serving.errors import BackendFailed, InvalidInput, ModelLoadFailed
from tests import python_models

X_TO_Y = 'input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "y" data_type: TYPE_FP32 dims: -1 }'
DECOUPLED = "model_transaction_policy { decoupled: true }"
X = {"x": np.float32([1, 2])}

Load = Callable[..., ModelInstance]


def parameter(name: str, value: str) -> str:
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'


def completed(root: Path, name: str) -> model_config.ModelConfig:
    return model_config.complete(ModelRepository(root).config(name))


def never() -> bool:
    return False


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Publish a model and load it; closed at the end."""
    loaded: list[ModelInstance] = []

    def load(source: str, config: str = X_TO_Y, device: str = "cpu") -> ModelInstance:
        directory = python_models.add_model(tmp_path, "m", config, source)
        loaded.append(python.load(directory, completed(tmp_path, "m"), device))
        return loaded[-1]

    yield load
    for instance in loaded:
        instance.close()


def stream(instance: ModelInstance, inputs: Any, parameters: Any = {}) -> list[dict[str, Any]]:  # noqa: B006 (only read)
    assert isinstance(instance, DecoupledInstance)
    responses = list(instance.stream(inputs, parameters, never))
    return [{name: array.tolist() for name, array in response.items()} for response in responses]


def test_the_context_says_what_is_loaded_and_where(load: Load, tmp_path: Path) -> None:
    instance = load(
        """
        class Model:
            def load(self, context):
                self.context = context
            def execute(self, request):
                context = self.context
                weights = (context.directory / "weights.txt").read_text()
                facts = [context.name, context.version, context.device, context.parameters["lang"], weights]
                return {"y": [*facts, context.config["input"][0]["name"]]}
        """,
        """input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "y" data_type: TYPE_STRING dims: -1 }
        instance_group { kind: KIND_GPU }"""
        + parameter("lang", "en"),
        "cuda",
    )
    (tmp_path / "m" / "1" / "weights.txt").write_text("w")
    assert instance.run(X)["y"].tolist() == [b"m", b"1", b"cuda", b"en", b"w", b"x"]


def test_the_request_carries_inputs_and_parameters(load: Load) -> None:
    instance = load(
        """
        class Model:
            def execute(self, request):
                assert not request.is_cancelled()
                return {"y": request.inputs["x"] * request.parameters.get("factor", 1)}
        """
    )
    assert instance.run(X)["y"].tolist() == [1, 2]
    assert instance.run(X, {"factor": 3})["y"].tolist() == [3, 6]
    assert instance.reads_parameters, "requests with other parameters run in other batches"


def test_strings_are_bytes(load: Load) -> None:
    instance = load(
        """
        class Model:
            def execute(self, request):
                return {"y": [text.decode().upper() for text in request.inputs["x"]]}
        """,
        'input { name: "x" data_type: TYPE_STRING dims: -1 } output { name: "y" data_type: TYPE_STRING dims: -1 }',
    )
    assert instance.run({"x": np.array([b"a", "ß".encode()], object)})["y"].tolist() == [b"A", b"SS"]


def test_a_wrong_output_is_the_models_failure(load: Load) -> None:
    instance = load("class Model:\n    def execute(self, request): return {'z': 1}")
    with pytest.raises(BackendFailed, match="it returned an output 'z'"):
        instance.run(X)


def test_a_model_may_refuse_its_input(load: Load) -> None:
    instance = load(
        """
        from serving.errors import InvalidInput
        class Model:
            def execute(self, request):
                raise InvalidInput("x must be positive")
        """
    )
    with pytest.raises(InvalidInput, match="x must be positive"):
        instance.run(X)


SYNC = "class Model:\n    def execute(self, request): return {'y': [1.0]}"
ASYNC = "class Model:\n    async def execute(self, request): return {'y': [1.0]}"


@pytest.mark.parametrize(("source", "concurrency"), [(SYNC, 1), (ASYNC, 8)])
def test_how_many_requests_run_at_once_can_be_chosen(load: Load, source: str, concurrency: int) -> None:
    assert load(source).concurrency == concurrency
    assert load(source, X_TO_Y + parameter("max_concurrency", "256")).concurrency == 256


@pytest.mark.parametrize("text", ["0", "257", "-1", "many", "", "1.5", "9" * 5000])
def test_other_numbers_are_refused(load: Load, text: str) -> None:
    with pytest.raises(ModelLoadFailed, match=r"max_concurrency must be a number of requests from 1 to 256, got '"):
        load(SYNC, X_TO_Y + parameter("max_concurrency", text))


BARRIERS = {
    "sync": """
        import threading
        class Model:
            def load(self, context): self.barrier = threading.Barrier(3)
            def execute(self, request): return {"y": [float(self.barrier.wait())]}
        """,
    "async": """
        import asyncio
        class Model:
            async def load(self, context): self.barrier = asyncio.Barrier(3)
            async def execute(self, request): return {"y": [float(await self.barrier.wait())]}
        """,
}


@pytest.mark.parametrize("kind", BARRIERS)
def test_several_threads_may_run_it_at_once(load: Load, kind: str) -> None:
    instance = load(BARRIERS[kind], X_TO_Y + parameter("max_concurrency", "3"))
    with ThreadPoolExecutor(3) as pool:  # a barrier lets none go before three are there
        replies = list(pool.map(lambda _: instance.run(X)["y"][0], range(3)))
    assert sorted(replies) == [0, 1, 2]


def test_each_instance_has_its_own_module_and_loop(load: Load) -> None:
    source = """
        import asyncio, threading
        loads = []
        class Model:
            async def load(self, context): loads.append(1)
            async def execute(self, request): return {"y": [float(len(loads)), float(threading.get_ident())]}
        """
    first, second = (load(source).run(X)["y"].tolist() for _ in range(2))
    assert first[0] == second[0] == 1
    assert first[1] != second[1]


def test_a_decoupled_model_answers_any_number_of_times(load: Load) -> None:
    instance = load(
        """
        class Model:
            def execute(self, request):
                for value in request.inputs["x"]:
                    yield {"y": [value]}
        """,
        X_TO_Y + DECOUPLED,
    )
    assert stream(instance, X) == [{"y": [1]}, {"y": [2]}]
    assert stream(instance, {"x": np.float32([])}) == []
    assert instance.run({"x": np.float32([7])})["y"].tolist() == [7]
    with pytest.raises(BackendFailed, match="answered 2 times where one answer was expected"):
        instance.run(X)


def test_a_response_may_hold_some_of_the_outputs(load: Load) -> None:
    instance = load(
        """
        class Model:
            def execute(self, request):
                yield {"y": [1.0]}
                yield {"z": ["end"]}
        """,
        X_TO_Y + 'output { name: "z" data_type: TYPE_STRING dims: 1 }' + DECOUPLED,
    )
    assert stream(instance, X) == [{"y": [1]}, {"z": [b"end"]}]


def test_a_model_that_does_not_stream_is_not_decoupled(load: Load) -> None:
    assert not isinstance(load(SYNC), DecoupledInstance)


def test_an_async_model_asks_whether_its_caller_left_on_its_own_thread(load: Load) -> None:
    asked_on = set()
    instance = load(
        """
        import asyncio
        class Model:
            async def execute(self, request):
                while not request.is_cancelled():
                    await asyncio.sleep(0)
                request.parameters["trace"].append("knows")
                yield {"y": [1.0]}
        """,
        X_TO_Y + DECOUPLED + parameter("max_concurrency", "1"),
    )
    assert isinstance(instance, DecoupledInstance)
    trace: list[str] = []
    left = threading.Event()

    def is_cancelled() -> bool:
        asked_on.add(threading.get_ident())
        first, _ = left.is_set(), left.set()
        return first

    assert list(instance.stream(X, {"trace": trace}, is_cancelled)) == []  # type: ignore[dict-item]
    assert asked_on == {threading.get_ident()}


def test_a_caller_that_leaves_ends_an_async_model_that_waits(load: Load) -> None:
    trace: list[str] = []
    instance = load(
        """
        import asyncio
        class Model:
            async def execute(self, request):
                trace = request.parameters["trace"]
                trace.append("waits")
                try:
                    await asyncio.Event().wait()
                finally:
                    trace.append("ended")
        """,
        X_TO_Y + DECOUPLED,
    )
    assert isinstance(instance, DecoupledInstance)
    assert list(instance.stream(X, {"trace": trace}, lambda: bool(trace))) == []  # type: ignore[dict-item]
    assert trace == ["waits", "ended"]


def test_a_bad_response_closes_the_models_generator(load: Load) -> None:
    trace: list[str] = []
    instance = load(
        """
        class Model:
            def execute(self, request):
                try:
                    yield {"z": 1}
                finally:
                    request.parameters["trace"].append("closed")
        """,
        X_TO_Y + DECOUPLED,
    )
    with pytest.raises(BackendFailed, match="output 'z'"):
        stream(instance, X, {"trace": trace})
    assert trace == ["closed"]


def test_every_parameter_and_optional_inputs_are_the_models_own_affair(load: Load, tmp_path: Path) -> None:
    load(SYNC, X_TO_Y.replace("dims", "optional: true dims", 1) + DECOUPLED + parameter("colour", "red"))
    config = completed(tmp_path, "m")
    assert model_config.unhonoured(config) == []
    config.backend = "pytorch"
    assert model_config.unhonoured(config) == ["parameters.colour"]


def test_the_mock_llm_of_other_tests_loads(tmp_path: Path) -> None:
    python_models.add_mock_llm(tmp_path)
    instance = python.load(tmp_path / "mock_llm" / "1", completed(tmp_path, "mock_llm"), "cpu")
    assert isinstance(instance, DecoupledPythonInstance)
    inputs = {"PROMPT": np.array([[b"hi"]], object), "STREAM": np.array([[True]])}
    assert stream(instance, inputs, {"REPETITION": 2}) == [{"TEXT": [[b"hi"]]}] * 2
