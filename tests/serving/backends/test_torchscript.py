import io
import os
import pickle
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from serving.backends import torchscript
from serving.backends.backend import ModelInstance, input_memory, is_steady
from serving.core.model_config import ModelConfig
from serving.engine.repository import ModelRepository
from serving.errors import BackendFailed, ModelLoadFailed
from tests import tiny_models
from tests.gpus import DEVICE, needs_torch_gpu


@pytest.fixture
def affine(tiny_repository: Path) -> tuple[Path, ModelConfig]:
    return tiny_repository / "affine" / "1", ModelRepository(tiny_repository).config("affine")


def test_outputs_take_the_configs_names_by_position(affine: tuple[Path, ModelConfig]) -> None:
    directory, config = affine
    config.output[0].name, config.output[1].name = "first", "second"
    outputs = torchscript.load(directory, config, "cpu").run({"x": np.ones((1, 3), np.float32)})
    assert {name: array.tolist() for name, array in outputs.items()} == {"first": [[3, 3, 3]], "second": [[3]]}


def test_another_number_of_outputs_than_the_config_lists_is_the_models_failure(
    affine: tuple[Path, ModelConfig],
) -> None:
    directory, config = affine
    del config.output[1]
    instance = torchscript.load(directory, config, "cpu")
    with pytest.raises(BackendFailed, match="returned 2 tensors, its config lists 1"):
        instance.run({"x": np.ones((1, 3), np.float32)})


def test_string_tensors_are_refused(affine: tuple[Path, ModelConfig]) -> None:
    directory, config = affine
    config.input[0].data_type = 13  # TYPE_STRING
    with pytest.raises(ModelLoadFailed, match="PyTorch has no string tensors"):
        torchscript.load(directory, config, "cpu")


X = {"x": np.ones((1, 3), np.float32)}


class Plus(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x * 0) + x


class Slope(torch.nn.Module):
    """Of x * x; it needs PyTorch to record what it does."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x.clone().requires_grad_()
        slope = torch.autograd.grad([(x * x).sum()], [x])[0]
        assert slope is not None
        return slope + x * 0


def publish(root: Path, module: torch.nn.Module, **parameters: str) -> tuple[Path, ModelConfig]:
    config = ModelConfig(name="m", backend="pytorch")
    config.input.add(name="x", data_type="TYPE_FP32", dims=[1, 3])
    config.output.add(name="y", data_type="TYPE_FP32", dims=[1, 3])
    for name, value in parameters.items():
        config.parameters[name].string_value = value
    (root / "1").mkdir(exist_ok=True)
    torch.jit.script(module).save(root / "1" / "model.pt")
    return root / "1", config


def in_new_thread(function: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def run() -> None:
        try:
            function()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failures, failures


def test_a_model_has_its_own_number_of_threads_and_leaves_everyone_elses(tmp_path: Path) -> None:
    one = torchscript.load(*publish(tmp_path, Plus(), intra_op_thread_count="1"), "cpu")
    four = torchscript.load(*publish(tmp_path, Plus(), INTRA_OP_THREAD_COUNT="4"), "cpu")
    default = torch.get_num_threads()
    large = {"x": np.ones((1_000_000, 3), np.float32)}  # enough to be divided

    def started_by(instance: ModelInstance) -> int:
        before = set(os.listdir("/proc/self/task"))  # noqa: PTH208
        instance.run(large)
        assert torch.get_num_threads() == default
        return len(set(os.listdir("/proc/self/task")) - before)  # noqa: PTH208

    def run() -> None:
        assert [started_by(one), started_by(four), started_by(four)] == [0, 3, 0]

    in_new_thread(run)
    assert torch.get_num_threads() == default


def test_a_number_that_pytorch_has_once_and_cannot_change_any_more_is_a_reason(tmp_path: Path) -> None:
    if torch.get_num_interop_threads() == 7:
        pytest.skip("it is this one")
    with suppress(RuntimeError):
        torch.set_num_interop_threads(torch.get_num_interop_threads())  # as the first model that sets it does
    with pytest.raises(ModelLoadFailed, match=r"INTER_OP_THREAD_COUNT is 7, .* one number for the whole process"):
        torchscript.load(*publish(tmp_path, Plus(), INTER_OP_THREAD_COUNT="7"), "cpu")
    same = str(torch.get_num_interop_threads())
    torchscript.load(*publish(tmp_path, Plus(), INTER_OP_THREAD_COUNT=same), "cpu")


def test_a_model_that_needs_gradients_gets_them_without_inference_mode(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError):
        torchscript.load(*publish(tmp_path, Slope()), "cpu").run(X)
    outputs = torchscript.load(*publish(tmp_path, Slope(), INFERENCE_MODE="false"), "cpu").run(X)
    assert outputs["y"].tolist() == [[2, 2, 2]]


def test_unoptimized_execution_computes_the_same_and_ends_with_the_run(tmp_path: Path) -> None:
    instance = torchscript.load(*publish(tmp_path, Plus(), DISABLE_OPTIMIZED_EXECUTION="true"), "cpu")
    before = torch._C._get_graph_executor_optimize()
    assert instance.run(X)["y"].tolist() == [[1, 1, 1]]
    assert torch._C._get_graph_executor_optimize() == before


def test_a_model_that_places_itself_stays_where_it_was_saved(affine: tuple[Path, ModelConfig]) -> None:
    outputs = torchscript.load(*affine, "model").run(X)
    assert outputs["y"].tolist() == [[3, 3, 3]]


class Malicious:
    """Unpickling it leaves a file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


def checkpoint(value: object) -> bytes:
    file = io.BytesIO()
    torch.save({"model": value}, file)
    return file.getvalue()


def archive(value: object, original: Path) -> bytes:
    """A TorchScript archive with another pickle inside."""
    file = io.BytesIO()
    with zipfile.ZipFile(original) as source, zipfile.ZipFile(file, "w") as target:
        for name in source.namelist():
            target.writestr(name, pickle.dumps(value, 2) if name.endswith("/data.pkl") else source.read(name))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["pickle", "checkpoint", "archive"])
def test_pickles_are_never_opened(tmp_path: Path, kind: str) -> None:
    directory, config = publish(tmp_path, Plus())
    path, harm = directory / "model.pt", Malicious(tmp_path / "harm")
    made = {
        "pickle": lambda: pickle.dumps(harm),
        "checkpoint": lambda: checkpoint(harm),
        "archive": lambda: archive(harm, path),
    }
    path.write_bytes(made[kind]())
    with pytest.raises(ModelLoadFailed, match=r"'model\.pt'"):
        torchscript.load(directory, config, "cpu")
    assert not (tmp_path / "harm").exists()
    pickle.loads(pickle.dumps(harm))
    assert (tmp_path / "harm").exists(), "it would have done harm"


class Widen(torch.nn.Module):
    """Its answer takes so much memory for each row that a large one is more than any GPU has."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.zeros([int(x.max()), 3], dtype=x.dtype, device=x.device).sum(0)


class Same(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


@needs_torch_gpu
def test_memory_that_a_gpu_does_not_have_fails_that_run_alone(tmp_path: Path) -> None:
    instance = torchscript.load(*publish(tmp_path, Widen()), DEVICE)
    with pytest.raises(BackendFailed, match=r"the GPU is out of memory, \S+ \SiB more were asked for; a smaller max_b"):
        instance.run({"x": np.full((1, 3), 2**37, np.float32)})
    assert instance.run(X)["y"].tolist() == [[1, 1, 1]]


@needs_torch_gpu
def test_an_answer_that_is_the_input_is_not_the_callers_memory(tmp_path: Path) -> None:
    instance = torchscript.load(*publish(tmp_path, Same()), DEVICE)
    memory = input_memory(instance)
    assert memory is not None
    x = memory.allocate(12).view(np.float32).reshape(1, 3)
    x[...] = 1
    y = instance.run({"x": x})["y"]
    x[...] = 2
    assert y.tolist() == [[1, 1, 1]]


@needs_torch_gpu
@pytest.mark.parametrize("inference_mode", ["true", "false"])
def test_it_computes_what_it_computes_on_a_processor(inference_mode: str, tmp_path: Path) -> None:
    directory, config = publish(tmp_path, torch.nn.Linear(3, 3), INFERENCE_MODE=inference_mode)
    here, there = (torchscript.load(directory, config, device) for device in ("cpu", DEVICE))
    assert there.run(X)["y"] == pytest.approx(here.run(X)["y"], rel=1e-3)


@needs_torch_gpu
def test_a_gpu_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(ModelLoadFailed, match=r"invalid or unsupported gpu id 99\. GPUs are: 0"):
        torchscript.load(*publish(tmp_path, Same()), "cuda:99")


def test_on_a_processor_it_may_keep_what_it_is_given(tmp_path: Path) -> None:
    assert input_memory(torchscript.load(*publish(tmp_path, Same()), "cpu")) is None


def test_how_long_a_module_with_a_loop_takes_is_not_known(tiny_repository: Path, tmp_path: Path) -> None:
    tiny_models.add_endless(tmp_path)
    for root, name, known in ((tiny_repository, "affine", True), (tmp_path, "endless", False)):
        instance = torchscript.load(root / name / "1", ModelRepository(root).config(name), "cpu")
        assert is_steady(instance) == known
