"""Triton's own HTTP client, unchanged, against PyTorch's own answers on every one of the 1,797 digits."""

import asyncio
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
import tritonclient.http
import tritonclient.http.aio
from sklearn.datasets import load_digits
from tritonclient.utils import InferenceServerException

from tests.running_server import RunningServer, running
from training.checkpoint import Checkpoint
from training.recipes import digits_cnn
from training.run import restore

MODELS = ["digits-cnn", "digits-torchscript"]


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The published example models, and the digits once more from their TorchScript file."""
    root = tmp_path_factory.mktemp("served")
    shutil.copytree(repository, root, dirs_exist_ok=True)
    shutil.copytree(repository / "digits-cnn", root / "digits-torchscript")
    config = root / "digits-torchscript" / "config.pbtxt"
    text = config.read_text().replace('"digits-cnn"', '"digits-torchscript"').replace('"onnxruntime"', '"pytorch"', 1)
    config.write_text(text)
    with running(root) as server:
        yield server


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Raw pixels, [1797, 1, 8, 8], 0..255."""
    return (load_digits().images * (255 / 16)).astype(np.float32)[:, None]


@pytest.fixture(scope="module")
def expected(digits: Checkpoint, images: np.ndarray) -> np.ndarray:
    model = restore(digits_cnn.RECIPE, digits).module
    with torch.inference_mode():
        return model(torch.from_numpy(images)).numpy()  # type: ignore[no-any-return]


def image_input(rows: np.ndarray, binary: bool) -> tritonclient.http.InferInput:
    tensor = tritonclient.http.InferInput("image", list(rows.shape), "FP32")
    tensor.set_data_from_numpy(rows, binary_data=binary)
    return tensor


def test_what_the_client_asks_first(server: RunningServer) -> None:
    with tritonclient.http.InferenceServerClient(server.address) as client:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("digits-cnn")
        assert client.is_model_ready("digits-cnn", "1")
        assert not client.is_model_ready("digits-cnn", "2")
        assert not client.is_model_ready("nope")
        metadata = client.get_model_metadata("digits-cnn")
        assert metadata["inputs"] == [{"name": "image", "datatype": "FP32", "shape": [-1, 1, 8, 8]}]
        assert metadata["outputs"] == [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}]
        config = client.get_model_config("digits-cnn")
        assert (config["max_batch_size"], config["backend"]) == (64, "onnxruntime")
        assert config["output"][0]["label_filename"] == "labels.txt"


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_every_digit_is_answered_as_pytorch_does(
    server: RunningServer, images: np.ndarray, expected: np.ndarray, model: str, binary_in: bool, binary_out: bool
) -> None:
    wanted = [tritonclient.http.InferRequestedOutput("probabilities", binary_data=binary_out)]
    answers = []
    with tritonclient.http.InferenceServerClient(server.address) as client:
        for start in range(0, len(images), 64):
            tensor = image_input(images[start : start + 64], binary_in)
            answers.append(client.infer(model, [tensor], outputs=wanted).as_numpy("probabilities"))
    np.testing.assert_allclose(np.concatenate(answers), expected, atol=1e-5)


async def test_the_asynchronous_client_too(server: RunningServer, images: np.ndarray, expected: np.ndarray) -> None:
    async with tritonclient.http.aio.InferenceServerClient(server.address) as client:
        assert await client.is_server_live()
        assert await client.is_model_ready("digits-cnn")
        assert (await client.get_model_metadata("digits-cnn"))["name"] == "digits-cnn"
        assert (await client.get_model_config("digits-cnn"))["name"] == "digits-cnn"
        for binary in (True, False):
            reply = await client.infer("digits-cnn", [image_input(images[:64], binary)], request_id="7")
            np.testing.assert_allclose(reply.as_numpy("probabilities"), expected[:64], atol=1e-5)
            assert reply.get_response()["id"] == "7"


def counters(server: RunningServer) -> tuple[float, float]:
    """Rows that the digits model answered, and times that it ran."""
    text = httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics").text
    rows, runs = (
        re.search(rf'^nv_inference_{name}{{model="digits-cnn",version="1"}} (\S+)$', text, re.MULTILINE)
        for name in ("count", "exec_count")
    )
    assert rows
    assert runs
    return float(rows[1]), float(runs[1])


async def test_concurrent_single_rows_are_batched_and_answered_as_if_alone(
    server: RunningServer, images: np.ndarray, expected: np.ndarray
) -> None:
    """Nothing holds requests back, so that batches form only while the model runs: many callers, every digit once."""
    rows_before, runs_before = counters(server)
    async with tritonclient.http.aio.InferenceServerClient(server.address, conn_limit=64) as client:
        replies = await asyncio.gather(
            *(client.infer("digits-cnn", [image_input(row[None], binary=True)]) for row in images)
        )
    rows, runs = counters(server)
    answers = np.concatenate([reply.as_numpy("probabilities") for reply in replies])
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    assert rows - rows_before == len(images)
    assert runs - runs_before < len(images), "nv_inference_exec_count stays below nv_inference_count"


@pytest.mark.parametrize(
    ("model", "version", "status", "message"),
    [
        ("nope", "", "400", "Request for unknown model: 'nope' is not found"),
        ("digits-cnn", "9", "404", "version 9 is not found"),
    ],
)
def test_errors_arrive_as_the_clients_own_exception(
    server: RunningServer, images: np.ndarray, model: str, version: str, status: str, message: str
) -> None:
    with (
        tritonclient.http.InferenceServerClient(server.address) as client,
        pytest.raises(InferenceServerException, match=message) as failure,
    ):
        client.infer(model, [image_input(images[:1], binary=True)], model_version=version)
    assert failure.value.status() == status
