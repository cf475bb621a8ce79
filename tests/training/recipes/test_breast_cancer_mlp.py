from pathlib import Path

import safetensors.torch
import torch

from serving.core import columns
from tests.tiny_tables import write_flowers
from training.checkpoint import Checkpoint
from training.recipes.breast_cancer_mlp import KIND, RECIPE, files, network


def test_held_out_accuracy_is_at_least_95_percent(cancer: Checkpoint) -> None:
    assert cancer.metrics["test_accuracy"] >= 0.95


def test_standardisation_is_inside_the_model(cancer: Checkpoint) -> None:
    weights = safetensors.torch.load(cancer.weights)
    measured = KIND.load(None, {}).train.features

    assert torch.allclose(weights["standardize.standardize.mean"], measured.mean(dim=0))


def test_columns_go_beside_the_model(cancer: Checkpoint) -> None:
    found = columns.decode(files(cancer.facts)[columns.FILENAME])

    assert (len(found), found[0]) == (30, columns.number("mean radius"))


def test_the_network_is_as_wide_as_a_table_needs(tmp_path: Path) -> None:
    data = KIND.load(write_flowers(tmp_path / "flowers.csv"), {"target": "picked"})
    model = network(RECIPE.hyperparameters, data.facts)
    model.fit_inputs(data.train.features)
    logits = model(data.test.features)

    assert logits.shape == (len(data.test), 2)
    assert logits.isfinite().all()
