import asyncio
import logging
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from serving.core.requests import InferRequest
from serving.core.states import ModelState
from serving.engine.override import read_override
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.engine.response_cache import ResponseCache
from serving.errors import ModelLoadFailed, ModelNotFound, ModelNotReady, RepositoryPollFailed, VersionNotFound
from tests import tiny_models


async def loaded(root: Path) -> ModelRegistry:
    registry = ModelRegistry(ModelRepository(root), asyncio.get_running_loop())
    for name in registry.loaded.names():
        with suppress(ModelLoadFailed):
            await asyncio.to_thread(registry.load, name)
    return registry


def status(registry: ModelRegistry) -> dict[str, str]:
    return {f"{row.name}/{row.version}": row.state.value for row in registry.index()}


async def test_one_models_failure_is_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("good", "corrupt", "half_written", "no_file", "no_version"):
        tiny_models.add_double(tmp_path, name)
    (tmp_path / "corrupt" / "1" / "model.onnx").write_bytes(b"not a model")
    (tmp_path / "half_written" / "1" / "model.onnx").unlink()
    (tmp_path / "no_file" / "config.pbtxt").unlink()
    (tmp_path / "no_file" / "1" / "model.onnx").unlink()
    shutil.rmtree(tmp_path / "no_version" / "1")
    registry = await loaded(tmp_path)
    assert status(registry) == {
        "good/1": "READY",
        "corrupt/1": "UNAVAILABLE",
        "half_written/1": "UNAVAILABLE",
        "no_file/1": "UNAVAILABLE",
        "no_version/": "UNAVAILABLE",
    }
    reasons = {row.name: row.reason for row in registry.index()}
    assert "ONNX Runtime can't load 'model.onnx'" in reasons["corrupt"]
    assert "has no file 'model.onnx'" in reasons["half_written"]
    assert "must specify 'platform' or 'backend' for 'no_file'" in reasons["no_file"]
    assert "at least one version" in reasons["no_version"]
    assert "corrupt version 1 is UNAVAILABLE: ONNX Runtime can't" in caplog.text
    answer = await registry.loaded.find("good").infer(InferRequest("good", {"x": np.ones((1, 4), np.float32)}))
    assert answer.outputs["y"].tolist() == [[2, 2, 2, 2]]
    assert registry.close(10)


async def test_look_ups_that_fail_say_why(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, "good")
    tiny_models.add_double(tmp_path, "bad")
    (tmp_path / "bad" / "1" / "model.onnx").write_bytes(b"")
    registry = await loaded(tmp_path)
    with pytest.raises(ModelNotFound, match="'nope' is not found"):
        registry.loaded.find("nope")
    with pytest.raises(VersionNotFound, match="'good' version 2 is not found"):
        registry.loaded.find("good", "2")
    with pytest.raises(VersionNotFound, match=r"'bad' has no available versions: 'model\.onnx' is empty"):
        registry.loaded.find("bad")
    with pytest.raises(ModelNotReady, match=r"'bad' version 1 is not at ready state: 'model\.onnx' is empty"):
        registry.loaded.find("bad", "1")
    assert registry.close(10)


async def test_the_newest_ready_version_answers_when_none_is_named(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra="dynamic_batching { } version_policy { all { } }")
    for version in ("2", "10", "11"):
        shutil.copytree(tmp_path / "double" / "1", tmp_path / "double" / version)
    (tmp_path / "double" / "11" / "model.onnx").write_bytes(b"")
    registry = await loaded(tmp_path)
    assert registry.loaded.find("double").version == "10"
    assert registry.loaded.find("double", "2").version == "2"
    assert registry.loaded.ready_versions("double") == ["1", "2", "10"]
    assert len(list(registry.loaded.served())) == 3
    assert registry.close(10)


async def test_instances_and_fields_without_effect(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    tiny_models.add_double(tmp_path, extra="instance_group { count: 3 } response_cache { enable: true }")
    registry = await loaded(tmp_path)
    assert "config.pbtxt sets 'response_cache.enable', which has no effect unless" in caplog.text
    assert repr(registry.loaded.find("double")) == "<ServedModel double/1, 3 instances>"
    assert registry.close(10)


class NoForward(torch.nn.Module):
    @torch.jit.export
    def predict(self, x: torch.Tensor) -> torch.Tensor:
        return x


def no_forward(folder: Path) -> None:
    """An archive that loads, and has nothing that could be called."""
    torch.jit.script(NoForward()).save(folder / "1" / "model.pt")
    config = folder / "config.pbtxt"
    config.write_text(config.read_text().replace("onnxruntime", "pytorch"))


def extend(text: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        with (folder / "config.pbtxt").open("a") as config:
            config.write(text)

    return change


def symlink_loop(folder: Path) -> None:
    (folder / "config.pbtxt").unlink()
    (folder / "config.pbtxt").symlink_to("config.pbtxt")


def labels_symlink_loop(folder: Path) -> None:
    extend('output { name: "z" data_type: TYPE_FP32 dims: 1 label_filename: "labels.txt" }')(folder)
    (folder / "labels.txt").symlink_to("labels.txt")


def pipe(folder: Path) -> None:
    (folder / "config.pbtxt").unlink()
    os.mkfifo(folder / "config.pbtxt")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (no_forward, "has no method 'forward'"),
        (symlink_loop, "config.pbtxt"),
        (labels_symlink_loop, "label_filename 'labels.txt' is no file's name"),
        (pipe, "config.pbtxt is no ordinary file"),
        (extend('output { name: "z" data_type: TYPE_FP32 dims: 1 label_filename: "a\\000b" }'), "is no file's name"),
        (extend(f'default_model_filename: "{"x" * 5000}"'), "must be the name of a file"),
        (extend("instance_group { count: -3 }"), r"count must be in range \[1, 256\], got -3"),
        (extend("instance_group { count: 100000 }"), r"count must be in range \[1, 256\]"),
        (
            extend('parameters { key: "intra_op_thread_count" value { string_value: "99999999999999999999" } }'),
            "number of threads, at most 1024",
        ),
        (lambda folder: shutil.rmtree(folder / "1"), "at least one version"),
    ],
)
async def test_whatever_is_wrong_with_a_folder_is_its_own_reason(
    tmp_path: Path, change: Callable[[Path], None], reason: str
) -> None:
    tiny_models.add_double(tmp_path, "good")
    tiny_models.add_double(tmp_path, "odd")
    change(tmp_path / "odd")
    registry = await loaded(tmp_path)
    states = {row.name: (row.state, row.reason) for row in registry.index()}
    assert states["good"] == (ModelState.READY, "")
    assert states["odd"][0] is ModelState.UNAVAILABLE
    assert re.search(reason, states["odd"][1])
    assert str(tmp_path) not in states["odd"][1], "the server's folders are nobody's business"
    assert registry.close(10)


async def test_before_it_is_loaded_a_model_is_loading(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    assert [row.state for row in registry.index()] == [ModelState.LOADING]
    with pytest.raises(ModelNotReady, match="it is loading"):
        registry.loaded.find("double")
    assert registry.close(10)


async def test_an_empty_repository_is_an_empty_index(tmp_path: Path) -> None:
    registry = await loaded(tmp_path)
    assert registry.index() == []
    assert registry.close(10)


def ones(name: str = "double") -> InferRequest:
    return InferRequest(name, {"x": np.ones((1, 4), np.float32)})


async def test_a_model_loaded_anew_answers_all_the_while(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = await loaded(tmp_path)
    old = registry.loaded.find("double")
    shutil.copytree(tmp_path / "double" / "1", tmp_path / "double" / "2")
    await asyncio.to_thread(registry.load, "double")
    assert registry.loaded.find("double").version == "2"
    while old.pending == 0:  # until its threads are gone
        try:
            await old.infer(ones())
        except ModelNotReady:
            break
    assert registry.close(10)


async def test_a_model_that_can_not_be_loaded_anew_goes_on_as_it_is(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = await loaded(tmp_path)
    old = registry.loaded.find("double")
    (tmp_path / "double" / "1" / "model.onnx").write_bytes(b"")
    for broken in (lambda: None, lambda: (tmp_path / "double" / "config.pbtxt").write_text("nonsense")):
        broken()
        with pytest.raises(ModelLoadFailed, match="load failed for model 'double': "):
            await asyncio.to_thread(registry.load, "double")
    assert registry.loaded.find("double") is old
    assert (await old.infer(ones())).outputs["y"].tolist() == [[2, 2, 2, 2]]
    assert registry.close(10)


async def test_an_unloaded_model_is_refused_and_can_come_back(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = await loaded(tmp_path)
    registry.unload("double")
    with pytest.raises(VersionNotFound, match="'double' has no available versions"):
        registry.loaded.find("double")
    with pytest.raises(ModelNotReady, match=r"'double' version 1 is not at ready state: (UNLOADING|unloaded)"):
        registry.loaded.find("double", "1")
    while status(registry) != {"double/1": "UNAVAILABLE"}:
        await asyncio.sleep(0.01)
    assert [row.reason for row in registry.index()] == ["unloaded"]
    await asyncio.to_thread(registry.load, "double")
    assert status(registry) == {"double/1": "READY"}
    registry.unload("never heard of")
    assert registry.close(10)


async def test_what_a_load_brings_takes_the_place_of_the_repositorys(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = await loaded(tmp_path)
    await asyncio.to_thread(registry.load, "double", read_override('{"max_batch_size": "16"}', {}, "double"))
    config = registry.loaded.find("double").config
    assert (config.max_batch_size, [tensor.name for tensor in config.input]) == (16, ["x"])
    content = (tmp_path / "double" / "1" / "model.onnx").read_bytes()
    await asyncio.to_thread(registry.load, "double", read_override("{}", {"7/model.onnx": content}, "double"))
    assert registry.loaded.ready_versions("double") == ["7"]
    assert (await registry.loaded.find("double").infer(ones())).model_version == "7"
    await asyncio.to_thread(registry.load, "double")
    assert registry.loaded.ready_versions("double") == ["1"]
    assert registry.close(10)


@pytest.mark.parametrize("config", [None, '{"max_batch_size": 2}'])
async def test_a_load_of_what_is_not_there_leaves_no_trace(tmp_path: Path, config: str | None) -> None:
    registry = await loaded(tmp_path)
    with pytest.raises(RepositoryPollFailed, match="failed to load 'nope', failed to poll from model repository"):
        await asyncio.to_thread(registry.load, "nope", read_override(config, {}, "nope"))
    with pytest.raises(ModelNotFound):
        registry.loaded.find("nope")
    assert registry.close(10)


async def test_what_lies_in_the_repository_and_was_not_loaded_is_in_the_index(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop(), names=[])
    assert [(row.name, row.version, row.state) for row in registry.index()] == [("double", "", ModelState.UNKNOWN)]
    assert registry.close(10)


CACHED = "response_cache { enable: true }"
ONES = InferRequest("double", {"x": np.ones((1, 4), np.float32)})


async def test_a_version_that_is_replaced_or_unloaded_takes_its_cached_answers_along(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, extra=CACHED)
    tiny_models.add_double(tmp_path, "other", extra=CACHED)
    cache = ResponseCache(100_000)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop(), cache=cache)
    for name in registry.loaded.names():
        await asyncio.to_thread(registry.load, name)
        await registry.dispatch.infer(replace(ONES, model_name=name))
    both = cache.used
    square = "g (float[n, 4] x) => (float[n, 4] y) { y = Sub(x, x) }"
    tiny_models.write_onnx(tmp_path / "double" / "1" / "model.onnx", square)
    await asyncio.to_thread(registry.load, "double")
    assert cache.used == both // 2, "the other model's stay"
    assert (await registry.dispatch.infer(ONES)).outputs["y"].tolist() == [[0, 0, 0, 0]]
    await asyncio.to_thread(registry.unload, "double")
    assert cache.used == both // 2
    assert registry.close(10)


async def test_a_version_with_other_outputs_takes_over_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def publish(version: int, size: int) -> None:
        graph = f"g (float[n, 4] x) => (float[n, {size}] y) {{ y = MatMul(x, w) }}"
        path = tmp_path / "classes" / str(version) / "model.onnx"
        tiny_models.write_onnx(path, graph, w=np.ones((4, size), np.float32))

    def reason() -> dict[str, str]:
        return {row.version: row.reason for row in registry.index()}

    publish(1, 2)
    registry = await loaded(tmp_path)
    publish(2, 3)
    await asyncio.to_thread(registry.load, "classes")
    words = "its outputs are not those of version 1: y FP32 [-1,3] was y FP32 [-1,2]"
    assert reason() == {"2": words}
    assert f"classes version 2: {words}" in caplog.text
    (tmp_path / "classes" / "3").mkdir()
    with pytest.raises(ModelLoadFailed):
        await asyncio.to_thread(registry.load, "classes")
    assert words in reason()["2"], "it is still so"
    shutil.rmtree(tmp_path / "classes" / "3")
    caplog.clear()
    publish(4, 3)
    await asyncio.to_thread(registry.load, "classes")
    assert reason() == {"4": ""}
    assert "its outputs" not in caplog.text
    assert registry.close(10)
