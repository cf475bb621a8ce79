from dataclasses import replace

import pytest
import torch

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


def test_a_checkpoint_keeps_all_the_rows_that_choose_and_test_where_they_are_small(digits: Checkpoint) -> None:
    data = digits_cnn.RECIPE.kind.load(None, {})

    assert len(digits.validation) == len(data.validation) > 256
    assert len(digits.rows) == len(data.test)


def test_of_rows_that_are_large_and_sorted_some_of_each_class_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = digits_cnn.RECIPE.kind
    data = kind.load(None, {})
    order = {name: torch.argsort(getattr(data, name).labels, stable=True) for name in ("test", "validation")}
    sorted_data = replace(
        data,
        **{
            name: replace(part, features=part.features[order[name]], labels=part.labels[order[name]])
            for name, part in (("test", data.test), ("validation", data.validation))
        },
    )
    monkeypatch.setattr("training.run._ROW_BYTES", 40 * (64 * 4 + 8))
    recipe = replace(digits_cnn.RECIPE, config=replace(digits_cnn.RECIPE.config, epochs=1))
    kept = run(recipe, sorted_data).checkpoint

    for rows in (kept.rows, kept.validation):
        assert len(rows) == 40
        assert set(rows.truths["label"].tolist()) == set(range(10))
