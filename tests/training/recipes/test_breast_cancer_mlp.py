import json

import torch

from training.checkpoint import Checkpoint
from training.recipes.breast_cancer_mlp import RECIPE, example
from training.run import restore


def test_held_out_accuracy_is_at_least_95_percent(cancer: Checkpoint) -> None:
    assert cancer.metrics.test_accuracy >= 0.95


def test_standardisation_is_inside_the_model(cancer: Checkpoint) -> None:
    model = restore(RECIPE, cancer)

    assert torch.allclose(model.standardize.mean, RECIPE.load().train.features.mean(dim=0))


def test_an_example_holds_the_row_as_a_person_would_write_it() -> None:
    written = example(torch.tensor([0.1, 17.99, 2499.0]))

    assert written.name == "example.json"
    assert written.content == b'{"inputs": [0.1, 17.99, 2499.0]}\n'


def test_an_example_reads_back_as_the_same_float32(cancer: Checkpoint) -> None:
    row = RECIPE.load().test.features[0]

    assert torch.equal(torch.tensor(json.loads(example(row).content)["inputs"]), row)
