import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from google.protobuf import json_format

from serving.core.model_config import ModelConfig
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


def loads(registry: ModelRegistry) -> dict[str, int]:
    return {name: counts.loads for name, counts in registry.counts.items() if counts.loads}


async def test_a_load_is_followed_by_the_ensembles_above_it_each_once(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    tiny_models.add_ensemble(root, "a-top", "outer:x>t double:t>y")
    registry, dependencies = nothing_loaded(root)
    await asyncio.to_thread(dependencies.load, "a-top")
    await asyncio.to_thread(dependencies.load, "other")
    await asyncio.to_thread(dependencies.unload, "other")
    caplog.clear()
    await asyncio.to_thread(dependencies.load, "double")
    assert loads(registry) == {"half": 1, "double": 2, "inner": 2, "outer": 2, "a-top": 2, "other": 1}
    ready_again = [record.getMessage().partition(" version")[0] for record in caplog.records]
    assert ready_again == ["double", "inner", "outer", "a-top"], "each after what it needs"
    await asyncio.to_thread(dependencies.load, "half")
    assert "other" not in ready(registry), "what was unloaded stays so"
    assert registry.close(10)


async def test_ensembles_that_waited_for_a_model_come_with_it_and_others_say_that_they_do_not_fit(root: Path) -> None:
    content = (root / "double" / "1" / "model.onnx").read_bytes()
    (root / "double" / "1" / "model.onnx").write_bytes(b"")
    registry, dependencies = nothing_loaded(root)
    with pytest.raises(ModelLoadFailed):
        await asyncio.to_thread(dependencies.load, "outer")
    (root / "double" / "1" / "model.onnx").write_bytes(content)
    await asyncio.to_thread(dependencies.load, "double")
    assert ready(registry) == {"double", "inner", "half", "outer"}
    tiny_models.add_double(root, max_batch_size=4)
    await asyncio.to_thread(dependencies.load, "double")
    reasons = {row.name: row.reason for row in registry.loaded.statuses()}
    assert "contains model double which only allows maximum batch size to be 4" in reasons["inner"]
    assert registry.close(10)


async def test_an_ensemble_keeps_the_configuration_that_it_was_brought(root: Path) -> None:
    registry, dependencies = nothing_loaded(root)
    config = ModelRepository(root).config("other")
    config.ensemble_scheduling.step[0].model_name = "double"
    override = read_override(json_format.MessageToJson(config, preserving_proto_field_name=True), {}, "other")
    await asyncio.to_thread(dependencies.load, "other", override)
    for name, of in (("double", "double"), ("other", "half")):
        await asyncio.to_thread(dependencies.load, name)
        assert registry.loaded.find("other").config.ensemble_scheduling.step[0].model_name == of
    assert loads(registry)["other"] == 3
    assert registry.close(10)


class Slow(ModelRepository):
    """Notes how many models are in the middle of their load at once."""

    inside = most = 0

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]:
        self.inside += 1
        self.most = max(self.most, self.inside)
        time.sleep(0.05)
        self.inside -= 1
        return super().labels(config)


async def test_one_ensemble_becomes_ready_at_a_time_whoever_asks(root: Path) -> None:
    """So that two that are checked at once do not come to need one another."""
    repository = Slow(root)
    registry = ModelRegistry(repository, asyncio.get_running_loop(), names=[])
    dependencies = Dependencies(registry)
    await asyncio.gather(*(asyncio.to_thread(dependencies.load, name) for name in ("double", "half")))
    repository.most = 0
    changes = [(dependencies.sync, "inner"), (dependencies.load, "other"), (dependencies.load_alone, "other")]
    await asyncio.gather(*(asyncio.to_thread(change, name) for change, name in changes))
    assert ready(registry) == {"double", "half", "inner", "other"}
    assert repository.most == 1
    assert registry.close(10)
