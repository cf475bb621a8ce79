from dataclasses import replace

import pytest

from training.checkpoint import Checkpoint
from training.errors import CheckpointError
from training.evaluate import evaluate
from training.recipes.recipe import find
from training.run import restore, run

CANCER = find("breast-cancer-mlp")


def test_a_restored_model_scores_what_the_checkpoint_says(cancer: Checkpoint) -> None:
    evaluation = evaluate(restore(CANCER, cancer), CANCER.load().test)

    assert evaluation.accuracy == cancer.metrics.test_accuracy
    assert [list(row) for row in evaluation.confusion] == cancer.metrics.confusion_matrix


@pytest.mark.parametrize("name", ["digits-cnn", "breast-cancer-mlp"])
def test_the_same_seed_gives_the_same_file_and_another_seed_another(name: str) -> None:
    recipe = find(name)
    config = replace(recipe.config, epochs=2)
    first, second, other = (run(recipe, replace(config, seed=seed)).weights_sha256 for seed in (5, 5, 6))

    assert first == second
    assert first != other


def test_a_checkpoint_tells_how_it_was_made(cancer: Checkpoint) -> None:
    assert cancer.config == CANCER.config
    assert cancer.data_fingerprint == CANCER.load().fingerprint()
    assert set(cancer.library_versions) == {"python", "torch", "numpy", "sklearn", "safetensors"}
    losses = {point.step: point.loss for point in cancer.history}
    assert losses[cancer.metrics.step] == min(losses.values()) == cancer.metrics.validation_loss


def test_another_recipes_checkpoint_is_refused(digits: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'digits-cnn', not of 'breast-cancer-mlp'"):
        restore(CANCER, digits)


def test_unknown_hyperparameters_are_refused(cancer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="hyper-parameters are not those of breast-cancer-mlp"):
        restore(CANCER, replace(cancer, hyperparameters={"features": 30, "depth": 3}))


def test_weights_of_other_sizes_are_refused(cancer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="don't fit the network"):
        restore(CANCER, replace(cancer, hyperparameters={**cancer.hyperparameters, "hidden": 8}))
