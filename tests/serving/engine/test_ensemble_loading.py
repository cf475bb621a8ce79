import asyncio
from contextlib import suppress
from pathlib import Path

import pytest

from serving.core.requests import InferRequest
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed
from tests import python_models, tiny_models
from tests.tiny_models import write_config


async def loaded(root: Path, *names: str) -> ModelRegistry:
    """In this order."""
    registry = ModelRegistry(ModelRepository(root), asyncio.get_running_loop(), names=[])
    for name in names:
        with suppress(ModelLoadFailed):
            await asyncio.to_thread(registry.load, name)
    return registry


def reason(registry: ModelRegistry, name: str) -> str:
    return next(row.reason for row in registry.index() if row.name == name)


async def test_an_ensemble_needs_no_folder_for_its_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>t double:t>y")
    with caplog.at_level("INFO"):
        registry = await loaded(tmp_path, "double", "twice")
    assert registry.loaded.ready_versions("twice") == ["1"]
    assert "twice version 1 is ready (ensemble of double)" in caplog.text
    assert "has no effect" not in caplog.text
    assert registry.loaded.find("twice").labels == {}
    assert registry.close(10)


async def test_folders_of_versions_and_the_policy_choose_among_them(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    folder = tiny_models.add_ensemble(tmp_path, "twice", "double:x>t double:t>y", "version_policy { all { } }")
    (folder / "3").mkdir()
    (folder / "5").mkdir()
    registry = await loaded(tmp_path, "double", "twice")
    assert registry.loaded.ready_versions("twice") == ["3", "5"]
    assert registry.close(10)


async def test_what_an_ensemble_needs_must_be_loaded(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_double(tmp_path, "broken")
    (tmp_path / "broken" / "1" / "model.onnx").write_bytes(b"")
    tiny_models.add_ensemble(tmp_path, "a", "double:x>t broken:t>y")
    tiny_models.add_ensemble(tmp_path, "b", "double:x>t nowhere:t>u ../up:u>y")
    tiny_models.add_ensemble(tmp_path, "c", "double/7:x>y")
    registry = await loaded(tmp_path, "double", "broken", "a", "b", "c")
    assert reason(registry, "a").startswith(
        "ensemble 'a' depends on 'broken' which has no loaded version. Model 'broken' loading failed with error: "
    )
    assert "'model.onnx' is empty" in reason(registry, "a")
    assert reason(registry, "b") == "ensemble b contains models that are not available or ambiguous: nowhere, ../up"
    assert reason(registry, "c") == "ensemble 'c' depends on 'double' whose required version 7 is not loaded"
    assert registry.close(10)


async def test_models_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, max_batch_size=4)
    tiny_models.add_identity(tmp_path, "texts", "TYPE_STRING", "string")
    python_models.add_mock_llm(tmp_path)
    tiny_models.add_ensemble(tmp_path, "large", "double:x>y")
    tiny_models.add_ensemble(tmp_path, "typed", "texts:x>y", max_batch_size=4, names="in out")
    tiny_models.add_ensemble(tmp_path, "streams", "mock_llm:x>y", max_batch_size=4)
    registry = await loaded(tmp_path, "double", "texts", "mock_llm", "large", "typed", "streams")
    assert "contains model double which only allows maximum batch size to be 4" in reason(registry, "large")
    assert "TYPE_FP32 is inferred from model typed while TYPE_STRING is inferred from model texts" in reason(
        registry, "typed"
    )
    assert "contains model mock_llm, which is decoupled" in reason(registry, "streams")
    assert registry.close(10)


async def test_ensembles_that_need_one_another_are_refused_on_disk_and_when_loaded_anew(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_ensemble(tmp_path, "a", "b:x>y")
    tiny_models.add_ensemble(tmp_path, "b", "a:x>y")
    registry = await loaded(tmp_path, "double", "a", "b")
    assert reason(registry, "a") == "circular dependency between ensembles: a -> b -> a"
    assert reason(registry, "b") == "circular dependency between ensembles: b -> a -> b"
    tiny_models.add_ensemble(tmp_path, "b", "double:x>y")
    for name in "ba":
        await asyncio.to_thread(registry.load, name)
    tiny_models.add_ensemble(tmp_path, "b", "a:x>y")
    with pytest.raises(ModelLoadFailed, match="circular dependency between ensembles: b -> a -> b"):
        await asyncio.to_thread(registry.load, "b")
    assert registry.loaded.ready_versions("b") == ["1"]
    assert registry.close(10)


async def test_labels_are_the_ensembles_own_or_those_of_the_model_whose_output_it_is(tmp_path: Path) -> None:
    tiny_models.add_brightness(tmp_path)
    text = """platform: "ensemble" max_batch_size: 8 input { name: "image" data_type: TYPE_FP32 dims: [ 1, 4, 4 ] }
    output { name: "s" data_type: TYPE_FP32 dims: 2 %s } ensemble_scheduling { step { model_name: "brightness"
    model_version: -1 input_map { key: "image" value: "image" } output_map { key: "scores" value: "s" } } }"""
    write_config(tmp_path, "inherits", text % "")
    (write_config(tmp_path, "own", text % 'label_filename: "names"') / "names").write_text("night\nday\n")
    registry = await loaded(tmp_path, "brightness", "inherits", "own")
    assert registry.loaded.find("inherits").labels == {"s": ("dark", "bright")}
    assert registry.loaded.find("own").labels == {"s": ("night", "day")}
    assert registry.close(10)


async def test_fields_without_effect_are_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>y", 'metric_tags { key: "a" value: "b" }')
    registry = await loaded(tmp_path, "double", "twice")
    assert "twice: config.pbtxt sets 'metric_tags.a', which has no effect here" in caplog.text
    assert registry.close(10)


async def test_a_model_that_is_loaded_anew_answers_for_its_steps_at_once(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>t double:t>y")
    registry = await loaded(tmp_path, "double", "twice")
    request = InferRequest("twice", {"x": tiny_models.ROW})
    before = await registry.dispatch.infer(request)
    await asyncio.to_thread(registry.load, "double")
    after = await registry.dispatch.infer(request)
    assert before.outputs["y"].tolist() == after.outputs["y"].tolist() == [[4, 4, 4, 4]]
    assert registry.loaded.find("double").statistics.success.count == 2, "the new one's"
    assert registry.close(10)


async def test_answers_of_an_ensemble_are_not_kept_since_its_models_may_change(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_ensemble(tmp_path, "twice", "double:x>y", "response_cache { enable: true }")
    registry = await loaded(tmp_path, "double", "twice")
    assert "Response Cache does not currently support model twice with ensemble scheduling" in reason(registry, "twice")
    assert registry.close(10)
