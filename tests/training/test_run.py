from dataclasses import replace

import pytest

from training.answers import answers
from training.checkpoint import Checkpoint
from training.errors import CheckpointError
from training.recipes import breast_cancer_mlp, digits_cnn
from training.recipes.recipe import Recipe
from training.run import restore, run

CANCER = breast_cancer_mlp.RECIPE


def test_a_restored_model_scores_what_the_checkpoint_says(cancer: Checkpoint) -> None:
    answered = answers(restore(CANCER, cancer), cancer.rows.inputs)
    found = CANCER.kind.score(answered, cancer.rows.truths, cancer.facts)

    assert {f"test_{name}": value for name, value in found.items()}.items() <= cancer.metrics.items()
    assert (
        found["accuracy"]
        == (answered["probabilities"].argmax(1) == CANCER.kind.load(None, {}).test.labels.numpy()).mean()
    )


@pytest.mark.parametrize("recipe", [digits_cnn.RECIPE, CANCER], ids=lambda recipe: recipe.name)
def test_the_same_seed_gives_the_same_file_and_another_seed_another(recipe: Recipe) -> None:
    data = recipe.kind.load(None, {})
    short = replace(recipe.config, epochs=2)
    first, second, other = (
        run(replace(recipe, config=replace(short, seed=seed)), data).checkpoint.weights_sha256 for seed in (5, 5, 6)
    )

    assert first == second
    assert first != other


def test_a_checkpoint_tells_how_it_was_made(cancer: Checkpoint) -> None:
    assert cancer.config == CANCER.config
    assert cancer.data_fingerprint == CANCER.kind.load(None, {}).fingerprint()
    assert set(cancer.library_versions) == {"python", "torch", "numpy", "sklearn", "safetensors"}
    losses = {point.step: point.loss for point in cancer.history}
    assert losses[int(cancer.metrics["step"])] == min(losses.values()) == cancer.metrics["validation_loss"]


def test_another_recipes_checkpoint_is_refused(digits: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'digits-cnn', not of 'breast-cancer-mlp'"):
        restore(CANCER, digits)


def test_unknown_hyperparameters_are_refused(cancer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="hyper-parameters are not those of breast-cancer-mlp"):
        restore(CANCER, replace(cancer, hyperparameters={"depth": 3}))


def test_weights_of_other_sizes_are_refused(cancer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="don't fit the network"):
        restore(CANCER, replace(cancer, hyperparameters={**cancer.hyperparameters, "hidden": 8}))
