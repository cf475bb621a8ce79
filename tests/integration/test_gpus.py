"""Models on GPUs by their config alone, as callers of a running server see them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.grpc as client
from tritonclient.utils import InferenceServerException

from serving.machine import nvml
from tests import tiny_models
from tests.gpus import lacks, needs_torch_gpu
from tests.running_server import RunningServer, running

pytestmark = needs_torch_gpu

TWO = "instance_group { kind: KIND_GPU gpus: [ 0 ] count: 2 }"


def on_gpus(root: Path, name: str, groups: str = TWO) -> None:
    with (root / name / "config.pbtxt").open("a") as config:
        config.write(groups)


def add_convolution(root: Path) -> None:
    """y = 2 x + 1 over rows of 64 numbers, as a convolution of one number."""
    folder = tiny_models.write_config(
        root,
        "convolution",
        f"""backend: "onnxruntime" max_batch_size: 8
        input {{ name: "x" data_type: TYPE_FP32 dims: 64 reshape {{ shape: [ 1, 8, 8 ] }} }}
        output {{ name: "y" data_type: TYPE_FP32 dims: 64 reshape {{ shape: [ 1, 8, 8 ] }} }}
        dynamic_batching {{ }} {TWO}""",
    )
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        "g (float[n, 1, 8, 8] x) => (float[n, 1, 8, 8] y) { y = Conv (x, w, b) }",
        w=np.full((1, 1, 1, 1), 2, np.float32),
        b=np.ones(1, np.float32),
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("gpus")
    tiny_models.add_torchscript(root)
    tiny_models.add_torchscript(root, "mixed")
    tiny_models.add_torchscript(root, "nowhere")
    on_gpus(root, "affine")
    on_gpus(root, "mixed", "instance_group [ { kind: KIND_GPU }, { kind: KIND_CPU } ]")
    on_gpus(root, "nowhere", "instance_group { kind: KIND_GPU gpus: 99 }")
    if not lacks("onnxruntime"):
        tiny_models.add_double(root)
        tiny_models.add_identity(root, "echo", "TYPE_FP32", "float")
        add_convolution(root)
        on_gpus(root, "double")
        on_gpus(root, "echo")
    with running(root, strict_readiness=False) as server:
        yield server


def ask(triton: client.InferenceServerClient, model: str, rows: np.ndarray, names: str = "x y") -> np.ndarray:
    given, taken = names.split()
    tensor = client.InferInput(given, list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows)
    return triton.infer(model, [tensor]).as_numpy(taken)


@pytest.mark.parametrize(
    ("model", "width", "names", "factor", "offset"),
    [
        ("affine", 3, "x y", 2, 1),
        ("mixed", 3, "x y", 2, 1),
        ("double", 4, "x y", 2, 0),
        ("echo", 70_000, "in out", 1, 0),
        ("convolution", 64, "x y", 2, 1),
    ],
)
def test_every_caller_gets_its_own_rows_back(
    server: RunningServer, model: str, width: int, names: str, factor: int, offset: int
) -> None:
    if model in ("double", "echo", "convolution") and (why := lacks("onnxruntime")):
        pytest.skip(why)
    triton = client.InferenceServerClient(server.grpc_address)

    def ask_for(number: int) -> bool:
        rows = np.full((1 + number % 3, width), number, np.float32)
        answer = ask(triton, model, rows, names)
        return answer.shape == rows.shape and bool((answer == factor * number + offset).all())

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(ask_for, range(300)))


def test_a_gpu_that_is_not_there_leaves_the_others_serving(server: RunningServer) -> None:
    index = {model["name"]: model for model in httpx.post(f"{server.url}/v2/repository/index").json()}
    assert index["nowhere"]["state"] == "UNAVAILABLE"
    assert "invalid or unsupported gpu id 99. GPUs are: 0" in index["nowhere"]["reason"]
    assert index["affine"]["state"] == "READY"
    with pytest.raises(InferenceServerException, match="GPUs are: 0"):
        ask(client.InferenceServerClient(server.grpc_address), "nowhere", np.ones((1, 3), np.float32))


def test_the_gpus_figures_can_be_scraped(server: RunningServer) -> None:
    if nvml() is None:
        pytest.skip("nvidia-ml-py is not installed")
    lines = [line for line in server.metrics().splitlines() if line.startswith("nv_gpu_")]
    assert {line.partition("{")[0] for line in lines} >= {"nv_gpu_utilization", "nv_gpu_memory_used_bytes"}
    used = next(line for line in lines if line.startswith("nv_gpu_memory_used_bytes"))
    assert float(used.rpartition(" ")[2]) > 100e6, "what CUDA takes once a model is there"
