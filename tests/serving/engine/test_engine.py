import asyncio
import json
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from serving.core.requests import InferRequest
from serving.core.trace_settings import TraceSettings
from serving.engine.dependencies import Dependencies
from serving.engine.engine import Engine
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.engine.trace_registry import TraceRegistry
from serving.engine.trace_writer import TraceWriter
from serving.engine.tracer import Tracer
from serving.errors import ControlRefused, InvalidInput, ModelLoadFailed, ModelNotFound, ModelNotReady
from tests import tiny_models

UNTRACED = Tracer(TraceRegistry(TraceSettings()), None)


async def test_models_are_found_by_name_and_answered(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "broken")
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"")
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    for name in registry.loaded.names():
        with suppress(ModelLoadFailed):
            await asyncio.to_thread(registry.load, name)
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED)

    answer = await engine.model("double").infer(InferRequest("double", {"x": np.ones((1, 4), np.float32)}, id="7"))
    assert (answer.model_name, answer.model_version, answer.id) == ("double", "1", "7")
    with pytest.raises(ModelNotFound):
        engine.model("nope")
    ready = [engine.is_model_ready(*names) for names in [("double",), ("double", "1"), ("double", "2"), ("broken",)]]
    assert ready == [True, True, False, False]
    assert not engine.is_model_ready("nope")
    assert [row.name for row in engine.index()] == ["broken", "double"]
    assert [row.name for row in engine.index(ready_only=True)] == ["double"]
    assert registry.close(10)


def ones() -> InferRequest:
    return InferRequest("double", {"x": np.ones((1, 4), np.float32)})


async def test_loading_by_request_has_to_be_switched_on(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop(), names=[])
    with pytest.raises(ControlRefused, match="explicit model load / unload is not allowed"):
        await Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED).load("double")
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED, is_explicit=True)
    await engine.load("double")
    assert engine.is_model_ready("double")
    await engine.unload("double")
    assert not engine.is_model_ready("double")
    assert registry.close(10)


@pytest.mark.parametrize("name", ["", "..", "a/b", "../double", "a\\b", "a\nb", "x" * 256])
async def test_names_that_are_no_folders_are_refused(tmp_path: Path, name: str) -> None:
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED, is_explicit=True)
    with pytest.raises(InvalidInput, match="odel name"):
        await engine.load(name)


async def test_no_request_is_lost_while_a_model_is_loaded_anew(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED, is_explicit=True)
    answered, reloaded = [0], asyncio.Event()

    async def ask() -> None:
        while not reloaded.is_set():
            assert (await engine.infer(ones())).outputs["y"].tolist() == [[2, 2, 2, 2]]
            answered[0] += 1

    asking = [asyncio.create_task(ask()) for _ in range(8)]
    for _ in range(20):
        await engine.load("double")
    reloaded.set()
    await asyncio.gather(*asking)
    assert answered[0] >= 8
    await engine.unload("double")
    with pytest.raises((ModelNotFound, ModelNotReady)):
        await engine.infer(ones())
    assert registry.close(10)


async def test_an_ordinary_model_streams_one_final_response(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    responses = [
        response
        async for response in Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED).stream(
            ones()
        )
    ]
    assert [(response.outputs["y"].tolist(), response.final) for response in responses] == [([[2, 2, 2, 2]], True)]
    assert registry.close(10)


async def test_a_traced_requests_way_is_written(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path / "models")
    registry = ModelRegistry(ModelRepository(tmp_path / "models"), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    file = tmp_path / "trace.json"
    traces = TraceRegistry(TraceSettings(file=str(file)))
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), Tracer(traces, TraceWriter(file)))
    await engine.infer(ones())
    assert not file.exists(), "nothing is traced unless somebody asks for it"
    traces.update({"trace_level": ["TIMESTAMPS"], "trace_rate": ["2"]})
    for _ in range(2):
        await engine.infer(ones())
    request, timestamps = json.loads(file.read_text())
    assert (request["model_name"], request["model_version"]) == ("double", 1)
    marks = {mark["name"]: mark["ns"] for mark in timestamps["timestamps"]}
    assert list(marks) == [
        *("REQUEST_START", "QUEUE_START", "COMPUTE_START", "COMPUTE_INPUT_END", "COMPUTE_OUTPUT_START", "COMPUTE_END"),
        "REQUEST_END",
    ]
    assert list(marks.values()) == sorted(marks.values())
    assert registry.close(10)


async def test_a_model_answers_alone_where_nothing_else_has_a_part_in_it(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "cached", extra="response_cache { enable: true }")
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>t double:t>y", names="x y")
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    for name in registry.loaded.names():
        await asyncio.to_thread(registry.load, name)
    engine = Engine(registry, Dependencies(registry), Promotions(registry, print), UNTRACED)
    assert engine.alone("double") is engine.alone("double", "1") is engine.model("double")
    assert [engine.alone(*asked) for asked in (("nope",), ("double", "2"), ("cached",), ("twice",))] == [None] * 4
    assert registry.close(10)
