"""Models that answer when a file `go` appears in their version's folder, so that a test says how long they run."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from serving.core.requests import InferRequest, InferResponse
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from serving.engine.response_cache import ResponseCache
from serving.engine.retirement import Retirement
from serving.engine.served_model import ServedModel
from serving.errors import ModelNotReady
from tests import python_models

TENSOR = '{ name: "x" data_type: TYPE_INT32 dims: 1 }'
GATED = """
        import time

        class Model:
            def load(self, context):
                self.directory = context.directory

            def execute(self, request):
                (self.directory / "entered").touch()
                while not (self.directory / "go").exists():
                    time.sleep(0.005)
                return {"x": request.inputs["x"]}

            def close(self):
                (self.directory / "closed").touch()
"""
Make = Callable[[str], ServedModel]
REQUEST = {"x": np.array([7], np.int32)}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[ServedModel] = []

    def make(name: str) -> ServedModel:
        python_models.add_model(tmp_path, name, f"input {TENSOR} output {TENSOR}", GATED)
        served = load_model(ModelRepository(tmp_path), name, None, asyncio.get_running_loop())["1"].served
        assert served is not None
        made.append(served)
        return served

    yield make
    for served in made:
        let_go(tmp_path, served.name)
        assert served.close(10)


def let_go(root: Path, name: str) -> None:
    (root / name / "1" / "go").touch()


def is_closed(root: Path, name: str) -> bool:
    return (root / name / "1" / "closed").exists()


async def asked(root: Path, model: ServedModel) -> "asyncio.Task[InferResponse]":
    """A request that runs until `let_go`."""
    task = asyncio.create_task(model.infer(InferRequest(model.name, REQUEST)))
    await until((root / model.name / "1" / "entered").exists)
    return task


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def test_a_retired_model_answers_what_it_accepted_and_then_is_freed(tmp_path: Path, make: Make) -> None:
    model = make("m")
    running = await asked(tmp_path, model)
    ended = threading.Event()
    Retirement().retire([model], then=ended.set)
    while not await refuses(model):
        await asyncio.sleep(0.005)
    assert not ended.is_set()
    assert not is_closed(tmp_path, "m")
    let_go(tmp_path, "m")
    assert (await running).outputs["x"].tolist() == [7]
    assert await asyncio.to_thread(ended.wait, 30)
    assert is_closed(tmp_path, "m")


async def refuses(model: ServedModel) -> bool:
    task = asyncio.create_task(model.infer(InferRequest(model.name, REQUEST)))
    done, _ = await asyncio.wait([task], timeout=0.01)
    if not done:
        task.cancel()
    return bool(done) and isinstance(task.exception(), ModelNotReady)


async def test_the_folder_goes_after_the_models_whose_files_are_in_it(tmp_path: Path, make: Make) -> None:
    model = make("m")
    running = await asked(tmp_path, model)
    folder = TemporaryDirectory(dir=tmp_path)
    ended = threading.Event()
    seen: list[bool] = []
    Retirement().retire([model], folder, then=lambda: (seen.append(Path(folder.name).exists()), ended.set()))
    assert Path(folder.name).exists()
    let_go(tmp_path, "m")
    assert await asyncio.to_thread(ended.wait, 30)
    assert seen == [False]
    assert (await running).outputs["x"].tolist() == [7]


async def test_of_nothing_nothing_is_done_and_a_folder_alone_is_removed(tmp_path: Path) -> None:
    retirement, ended = Retirement(), threading.Event()
    retirement.retire([], then=ended.set)
    assert not await asyncio.to_thread(ended.wait, 0.05)
    folder = TemporaryDirectory(dir=tmp_path)
    retirement.retire([], folder, ended.set)
    assert await asyncio.to_thread(ended.wait, 30)
    assert not Path(folder.name).exists()


async def test_a_server_that_stops_waits_for_those_that_serve_and_those_that_retire(tmp_path: Path, make: Make) -> None:
    retirement, serving, retired = Retirement(), make("serving"), make("retired")
    running = [await asked(tmp_path, model) for model in (serving, retired)]
    retirement.retire([retired])
    assert not await asyncio.to_thread(retirement.close, [serving], 0.05)
    let_go(tmp_path, "serving")
    while not is_closed(tmp_path, "serving"):
        assert not await asyncio.to_thread(retirement.close, [serving], 0.05), "the other one still runs"
    assert not is_closed(tmp_path, "retired")
    let_go(tmp_path, "retired")
    assert await asyncio.to_thread(retirement.close, [serving], 30)
    assert is_closed(tmp_path, "retired")
    assert [(await task).outputs["x"].tolist() for task in running] == [[7], [7]]


def test_a_server_without_models_stops_at_once() -> None:
    assert Retirement().close([], 0)


def test_a_models_files_are_remembered_until_others_take_their_place(tmp_path: Path) -> None:
    retirement = Retirement()
    first, second = TemporaryDirectory(dir=tmp_path), TemporaryDirectory(dir=tmp_path)
    other = TemporaryDirectory(dir=tmp_path)
    assert retirement.swap_folder("m", first) is None
    assert retirement.swap_folder("other", other) is None
    assert retirement.swap_folder("m", second) is first
    first.cleanup()
    assert retirement.swap_folder("m", None) is second
    assert retirement.swap_folder("m", None) is None
    assert Path(second.name).exists(), "whoever takes it back removes it"
    second.cleanup()
    assert retirement.close([], 0)
    assert not Path(other.name).exists()


async def test_what_a_retired_model_answered_is_in_the_cache_no_more(tmp_path: Path, make: Make) -> None:
    going, staying, cache = make("going"), make("staying"), ResponseCache(100_000)
    keys = {model.name: cache.key(model.identity, REQUEST, {}) for model in (going, staying)}
    for key in keys.values():
        cache.put(key, REQUEST)
    Retirement(cache).retire([going])
    assert cache.get(keys["going"]) is None
    assert cache.get(keys["staying"]) is not None
