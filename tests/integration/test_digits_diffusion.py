"""Digits that a served model makes: as good as those of PyTorch, pixel by pixel, for OpenAI's client too."""

import base64
import io
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import openai
import pytest
import torch
import tritonclient.http as http_client
from PIL import Image

from tests.running_server import RunningServer, running
from training.checkpoint import Checkpoint
from training.export.package import publish
from training.pictures.judge import judge
from training.recipes.digits_diffusion import RECIPE as FULL
from training.run import restore, run

RECIPE = replace(
    FULL,
    hyperparameters={"hidden": 96, "blocks": 1, "steps": 6, "guidance": 1.5},
    config=replace(FULL.config, steps=300, learning_rate=4e-3, evaluations=1),
)
SCORES = ("recognised", "variety", "novelty")


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    return run(RECIPE, RECIPE.kind.load(None, RECIPE.data)).checkpoint


@pytest.fixture(scope="module")
def server(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("digits_diffusion")
    publish(RECIPE, checkpoint, root / RECIPE.name)
    with running(root) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=60) as client:
        yield client


def drawn(client: openai.OpenAI, prompt: str, n: int, seed: int) -> np.ndarray:
    reply = client.images.generate(
        model=RECIPE.name, prompt=prompt, n=n, response_format="b64_json", extra_body={"seed": seed}
    )
    files = [base64.b64decode(it.b64_json or "") for it in reply.data or ()]
    return np.array([np.asarray(Image.open(io.BytesIO(file))) for file in files])


def by_pytorch(checkpoint: Checkpoint, label: int, n: int, seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).standard_normal((n, 1, 8, 8), np.float32)
    with torch.inference_mode():
        image = restore(RECIPE, checkpoint).module(torch.full((n, 1), label), torch.from_numpy(noise))
    return np.rint(image.numpy()[:, 0])


def test_digits_are_recognised_and_various(checkpoint: Checkpoint) -> None:
    assert checkpoint.metrics["test_recognised"] >= 0.9
    assert checkpoint.metrics["test_variety"] >= 0.4


def test_over_http_the_scores_are_those_of_pytorch(checkpoint: Checkpoint, server: RunningServer) -> None:
    rows, parts = checkpoint.rows, []
    with http_client.InferenceServerClient(server.address) as client:
        for start in range(0, len(rows), 64):
            tensors = []
            for name, datatype in (("label", "INT64"), ("noise", "FP32")):
                array = rows.inputs[name][start : start + 64]
                tensors.append(http_client.InferInput(name, list(array.shape), datatype))
                tensors[-1].set_data_from_numpy(array)
            parts.append(client.infer(RECIPE.name, tensors).as_numpy("image"))
    found = RECIPE.kind.score({"image": np.concatenate(parts)}, rows.truths, checkpoint.facts)
    assert list(found) == list(SCORES)
    for name, value in found.items():
        assert value == pytest.approx(checkpoint.metrics[f"test_{name}"], abs=1e-6), name


def test_openais_client_gets_pytorchs_pixels_and_they_are_judged_alike(
    checkpoint: Checkpoint, client: openai.OpenAI
) -> None:
    words = [label.partition(",")[0] for label in checkpoint.facts["labels"]]
    served = np.concatenate([drawn(client, f"a handwritten {word}", 10, label) for label, word in enumerate(words)])
    expected = np.concatenate([by_pytorch(checkpoint, label, 10, label) for label in range(10)])
    assert np.abs(served - expected).max() <= 1
    labels, truths = np.repeat(np.arange(10), 10), checkpoint.rows.truths
    by_label = [np.flatnonzero(truths["label"] == label)[:10] for label in range(10)]
    real, known = (np.concatenate([truths[name][at] for at in by_label]) for name in ("real", "known"))
    scores = [judge(pictures, labels, real, known) for pictures in (served, expected)]
    assert scores[0]["recognised"] == scores[1]["recognised"] >= 0.9
    assert scores[0]["variety"] == pytest.approx(scores[1]["variety"], abs=0.011)


def test_a_prompt_that_names_no_digit_is_told_what_there_is(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="it draws zero, 0, one, 1"):
        drawn(client, "a cat", 1, 1)
