"""What a config says about its runtime, and what lies in a version's folder, as callers of a running server see it."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
import tritonclient.http as client

from tests import tiny_models
from tests.running_server import RunningServer, running


def parameter(name: str, value: str) -> str:
    return f'parameters {{ key: "{name}" value {{ string_value: "{value}" }} }}'


def set_(root: Path, name: str, text: str) -> None:
    with (root / name / "config.pbtxt").open("a") as config:
        config.write(text)


def add_described(root: Path, name: str, manifest: Any) -> None:
    """A TorchScript model with a manifest and no config.pbtxt."""
    tiny_models.add_torchscript(root, name)
    (root / name / "config.pbtxt").unlink()
    (root / name / "1" / "manifest.json").write_text(json.dumps(manifest))


DESCRIBED = {
    "inputs": [{"name": "rows", "datatype": "FP32", "shape": [-1, 3]}],
    "outputs": [
        {"name": "affine", "datatype": "FP32", "shape": [-1, 3]},
        {"name": "sum", "datatype": "FP32", "shape": [-1, 1]},
    ],
}


def add_models(root: Path) -> None:
    """Those that can be served, and then, by what is wrong with them, those that can't."""
    tiny_models.add_double(
        root,
        "tuned",
        extra="dynamic_batching { } instance_group { count: 4 } optimization { graph { level: 1 } }"
        + parameter("intra_op_thread_count", "1")
        + parameter("execution_mode", "1")
        + parameter("enable_mem_arena", "0")
        + parameter("colour", "red")
        + parameter("percent", "5"),
    )
    tiny_models.add_torchscript(root, "torch_tuned")
    set_(root, "torch_tuned", "instance_group { count: 3 }" + parameter("INTRA_OP_THREAD_COUNT", "2"))
    add_described(root, "described", DESCRIBED)
    tiny_models.add_table(root, "table")

    tiny_models.add_double(root, "bad_mode", extra=parameter("execution_mode", "both"))
    tiny_models.add_double(root, "on_gpu", extra='instance_group { name: "g" kind: KIND_GPU gpus: [ 0 ] }')
    tiny_models.add_double(root, "gpu_less", extra='instance_group { name: "g" kind: KIND_CPU gpus: [ 0 ] }')
    tiny_models.add_table(root, "leads_out", "../../table/1/weights.bin")
    add_described(root, "bad_manifest", {"inputs": DESCRIBED["inputs"], "outputs": "y"})
    tiny_models.add_torchscript(root, "checkpoint")
    torch.save({}, root / "checkpoint" / "1" / "model.pt")
    tiny_models.add_double(root, "pointer")
    (root / "pointer" / "1" / "model.onnx").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


@pytest.fixture(scope="module")
def log() -> Iterator[list[str]]:
    """What the server says, as lines."""
    lines: list[str] = []

    class Collected(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(record.getMessage())

    handler = Collected()
    logging.getLogger("slipway").addHandler(handler)
    yield lines
    logging.getLogger("slipway").removeHandler(handler)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, log: list[str]) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("repository")
    add_models(root)
    with running(root, model_control_mode="explicit") as server:
        for name in ("tuned", "torch_tuned", "described", "table"):
            load(server, name)
        yield server


def load(server: RunningServer, name: str) -> None:
    with client.InferenceServerClient(server.address) as triton:
        triton.load_model(name)


def infer(server: RunningServer, model: str, name: str, array: np.ndarray) -> client.InferResult:
    datatype = "INT64" if array.dtype == np.int64 else "FP32"
    given = client.InferInput(name, list(array.shape), datatype)
    given.set_data_from_numpy(array)
    with client.InferenceServerClient(server.address) as triton:
        return triton.infer(model, [given])


@pytest.mark.parametrize(
    ("model", "takes", "gives", "factor", "width"), [("tuned", "x", "y", 2, 4), ("torch_tuned", "x", "total", 3, 3)]
)
def test_instances_that_share_a_model_each_answer_their_own_callers(
    server: RunningServer, model: str, takes: str, gives: str, factor: int, width: int
) -> None:
    def ask(number: int) -> bool:
        rows = np.full((1 + number % 3, width), number, np.float32)
        return bool((infer(server, model, takes, rows).as_numpy(gives) == factor * number).all())

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(ask, range(80)))


def test_what_has_no_effect_is_named_and_what_has_is_not(server: RunningServer, log: list[str]) -> None:
    assert [line for line in log if line.startswith("tuned: ")] == [
        "tuned: config.pbtxt sets 'parameters.colour', which has no effect here",
        "tuned: config.pbtxt sets 'parameters.percent', which has no effect here; "
        "did you mean parameters.rollout.percent?",
    ]


def test_a_torchscript_model_needs_no_config_beside_its_manifest(server: RunningServer) -> None:
    metadata = httpx.get(f"{server.url}/v2/models/described").json()
    assert metadata["inputs"] == DESCRIBED["inputs"]
    assert metadata["outputs"] == DESCRIBED["outputs"]
    answer = infer(server, "described", "rows", np.ones((2, 3), np.float32))
    assert answer.as_numpy("affine").tolist() == [[3, 3, 3], [3, 3, 3]]
    assert answer.as_numpy("sum").tolist() == [[3], [3]]


def test_weights_in_a_file_of_their_own_are_served(server: RunningServer) -> None:
    assert infer(server, "table", "index", np.array([[7], [4095]])).as_numpy("entry").tolist() == [[7], [4095]]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("bad_mode", "parameters.execution_mode must be 0 (sequential), 1 (parallel), got 'both'"),
        ("gpu_less", "instance group g of model gpu_less has kind KIND_CPU but specifies one or more GPUs"),
        ("leads_out", "tensor 'table' has its data in '../../table/1/weights.bin', which is not inside the version's"),
        ("bad_manifest", "manifest.json: 'outputs' must be a list of tensors, got 'y'"),
        ("checkpoint", "'model.pt' is a checkpoint of torch.save, which has no program"),
        ("pointer", "'model.onnx' is a Git LFS pointer, not the model itself; run `git lfs pull`"),
    ],
)
def test_what_cannot_be_served_is_refused_in_words(server: RunningServer, model: str, reason: str) -> None:
    with pytest.raises(client.InferenceServerException) as failure:
        load(server, model)
    assert reason in str(failure.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_in_tritons_words(server: RunningServer) -> None:
    with pytest.raises(
        client.InferenceServerException,
        match="instance group g of model on_gpu has kind KIND_GPU but no GPUs are available",
    ):
        load(server, "on_gpu")
