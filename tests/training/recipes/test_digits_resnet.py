from dataclasses import replace

from training.recipes.digits_resnet import RECIPE
from training.run import run


def test_held_out_accuracy_is_at_least_90_percent_after_a_few_passes() -> None:
    short = replace(RECIPE, config=replace(RECIPE.config, epochs=3))

    assert run(short, RECIPE.kind.load(None, RECIPE.data)).checkpoint.metrics["test_accuracy"] >= 0.9
