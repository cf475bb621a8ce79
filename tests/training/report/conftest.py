import pytest

from training.answers import answers
from training.checkpoint import Checkpoint
from training.recipes import breast_cancer_mlp, digits_cnn
from training.recipes.recipe import Recipe
from training.report.pages import pages
from training.run import Outcome, restore


def outcome(recipe: Recipe, checkpoint: Checkpoint) -> Outcome:
    return Outcome(checkpoint, checkpoint.rows, answers(restore(recipe, checkpoint), checkpoint.rows.inputs))


def _pages(recipe: Recipe, checkpoint: Checkpoint) -> dict[str, bytes]:
    return pages(recipe, recipe.kind.load(None, recipe.data), outcome(recipe, checkpoint), {"commit": "abc123"})


@pytest.fixture(scope="session")
def digits_pages(digits: Checkpoint) -> dict[str, bytes]:
    return _pages(digits_cnn.RECIPE, digits)


@pytest.fixture(scope="session")
def cancer_pages(cancer: Checkpoint) -> dict[str, bytes]:
    return _pages(breast_cancer_mlp.RECIPE, cancer)
