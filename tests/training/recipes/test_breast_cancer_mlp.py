import json

import numpy as np
import safetensors.torch
import torch

from training.checkpoint import Checkpoint
from training.data import breast_cancer
from training.recipes.breast_cancer_mlp import drawn


def test_held_out_accuracy_is_at_least_95_percent(cancer: Checkpoint) -> None:
    assert cancer.metrics["test_accuracy"] >= 0.95


def test_standardisation_is_inside_the_model(cancer: Checkpoint) -> None:
    weights = safetensors.torch.load(cancer.weights)

    assert torch.allclose(weights["standardize.mean"], breast_cancer.load().train.features.mean(dim=0))


def test_an_example_holds_the_row_as_a_person_would_write_it() -> None:
    written = drawn(np.float32([0.1, 17.99, 2499.0]))

    assert written.name == "example.json"
    assert written.content == b'{"inputs": [0.1, 17.99, 2499.0]}\n'


def test_an_example_reads_back_as_the_same_float32(cancer: Checkpoint) -> None:
    row = cancer.rows.inputs["features"][0]

    assert np.array_equal(np.float32(json.loads(drawn(row).content)["inputs"]), row)
