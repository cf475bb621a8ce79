from dataclasses import replace

from training.recipes.docs_classifier import KIND, RECIPE
from training.run import run


def test_a_few_passes_over_the_docstrings_are_far_better_than_chance() -> None:
    data = KIND.load(None, RECIPE.data)
    small = replace(
        RECIPE,
        hyperparameters={**RECIPE.hyperparameters, "hidden_size": 32},
        config=replace(RECIPE.config, epochs=4, learning_rate=5e-3),
    )

    metrics = run(small, data).checkpoint.metrics

    assert len(data.labels) >= 10
    assert metrics["test_accuracy"] >= 0.65  # the largest part is a seventh of the rows
