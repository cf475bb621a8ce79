import asyncio
from pathlib import Path

import pytest
from google.protobuf import json_format

from serving.core.requests import InferRequest
from serving.engine.dependencies import Dependencies
from serving.engine.override import read_override
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import python_models, tiny_models


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """outer -> inner -> double, and outer -> half; other -> half."""
    for name in ("double", "half"):
        tiny_models.add_double(tmp_path, name)
    tiny_models.add_ensemble(tmp_path, "inner", "double:x>t double:t>y")
    tiny_models.add_ensemble(tmp_path, "outer", "inner:x>t half:t>y")
    tiny_models.add_ensemble(tmp_path, "other", "half:x>y")
    return tmp_path


def nothing_loaded(root: Path) -> tuple[ModelRegistry, Dependencies]:
    registry = ModelRegistry(ModelRepository(root), asyncio.get_running_loop(), names=[])
    return registry, Dependencies(registry)


def ready(registry: ModelRegistry) -> set[str]:
    return {model.name for model in registry.loaded.served()}


async def test_the_order_brings_what_ensembles_need_before_them(root: Path) -> None:
    (root / "odd").mkdir()
    (root / "odd" / "config.pbtxt").write_text("nonsense")
    tiny_models.add_ensemble(root, "lost", "nowhere:x>t ../outer:t>y")
    registry, dependencies = nothing_loaded(root)
    assert dependencies.load_order(["outer", "odd"]) == ["double", "inner", "half", "outer", "odd"]
    assert dependencies.load_order(["lost"]) == ["lost"]
    assert dependencies.load_order(["gone"]) == ["gone"]
    assert registry.close(10)


async def test_loading_an_ensemble_loads_what_it_needs_and_is_not_there(root: Path) -> None:
    registry, dependencies = nothing_loaded(root)
    await asyncio.to_thread(dependencies.load, "double")
    double = registry.loaded.find("double")
    await asyncio.to_thread(dependencies.load, "outer")
    assert ready(registry) == {"double", "inner", "half", "outer"}
    assert registry.loaded.find("double") is double, "it is not loaded anew"
    assert registry.close(10)


async def test_a_configuration_that_a_request_brings_says_what_it_needs(root: Path) -> None:
    registry, dependencies = nothing_loaded(root)
    config = ModelRepository(root).config("other")
    config.ensemble_scheduling.step[0].model_name = "double"
    override = read_override(json_format.MessageToJson(config, preserving_proto_field_name=True), {}, "other")
    await asyncio.to_thread(dependencies.load, "other", override)
    assert ready(registry) == {"double", "other"}
    assert registry.close(10)


async def test_what_fails_below_is_the_ensembles_reason(root: Path) -> None:
    (root / "double" / "1" / "model.onnx").write_bytes(b"")
    registry, dependencies = nothing_loaded(root)
    with pytest.raises(ModelLoadFailed, match="load failed for model 'outer': ensemble 'outer' depends on 'inner'"):
        await asyncio.to_thread(dependencies.load, "outer")
    assert ready(registry) == {"half"}
    assert registry.close(10)


async def test_unloading_leaves_what_an_ensemble_needed_unless_it_is_asked_to_go_too(root: Path) -> None:
    registry, dependencies = nothing_loaded(root)
    for name in ("outer", "other"):
        await asyncio.to_thread(dependencies.load, name)
    await asyncio.to_thread(dependencies.unload, "other")
    assert ready(registry) == {"double", "inner", "half", "outer"}
    await asyncio.to_thread(dependencies.load, "other")
    await asyncio.to_thread(dependencies.unload, "outer", True)
    assert ready(registry) == {"half", "other"}, "half is needed by another"
    await asyncio.to_thread(dependencies.unload, "other", True)
    assert ready(registry) == set()
    await asyncio.to_thread(dependencies.unload, "never heard of", True)
    assert registry.close(10)


async def test_an_ensembles_last_requests_are_answered_before_its_models_go(root: Path) -> None:
    python_models.add_gate(root)
    tiny_models.add_ensemble(root, "slow", "gate:x>t double:t>y")
    registry, dependencies = nothing_loaded(root)
    await asyncio.to_thread(dependencies.load, "slow")
    answer = asyncio.create_task(registry.dispatch.infer(InferRequest("slow", {"x": tiny_models.ROW})))
    while not (root / "gate" / "1" / "entered").exists():
        await asyncio.sleep(0.001)
    unloading = asyncio.create_task(asyncio.to_thread(dependencies.unload, "slow", True))
    while "slow" in ready(registry):
        await asyncio.sleep(0.001)
    (root / "gate" / "1" / "open").touch()
    assert (await answer).outputs["y"].tolist() == [[2, 2, 2, 2]]
    await unloading
    assert ready(registry) == set()
    assert registry.close(10)
