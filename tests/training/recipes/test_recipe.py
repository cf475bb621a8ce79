import subprocess
import sys

import pytest

from training.errors import UnknownRecipe
from training.recipes.recipe import RECIPES, find


@pytest.mark.parametrize("name", RECIPES)
def test_every_name_finds_its_recipe(name: str) -> None:
    assert find(name).name == name


@pytest.mark.parametrize("name", ["digits-cnn", "breast-cancer-mlp"])
def test_a_classifiers_recipe_fits_its_data(name: str) -> None:
    recipe = find(name)
    train = recipe.load().train

    assert recipe.input.shape == (-1, *train.features.shape[1:])
    assert len(recipe.labels) == int(train.labels.max()) + 1
    assert recipe.output.shape == (-1, len(recipe.labels))
    assert recipe.build(recipe.hyperparameters)(train.features[:3]).shape == (3, len(recipe.labels))


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownRecipe, match="no recipe 'digit'; choose one of: digits-cnn, breast-cancer-mlp"):
        find("digit")


def test_naming_recipes_imports_neither_torch_nor_scikit_learn() -> None:
    program = "import sys, training.recipes.recipe; sys.exit({'torch', 'sklearn'} & set(sys.modules) != set())"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
