import subprocess
import sys

import pytest

from training.errors import UnknownRecipe
from training.recipes.recipe import RECIPES, find


@pytest.mark.parametrize("name", RECIPES)
def test_every_name_finds_its_recipe(name: str) -> None:
    assert find(name).name == name


def test_an_unknown_name_is_told_the_known_ones() -> None:
    with pytest.raises(UnknownRecipe, match=r"no recipe 'digit-cnn'; did you mean digits-cnn\?"):
        find("digit-cnn")
    with pytest.raises(UnknownRecipe, match="no recipe 'weather'; known are digits-cnn, digits-resnet"):
        find("weather")


def test_naming_recipes_imports_neither_torch_nor_scikit_learn() -> None:
    program = "import sys, training.recipes.recipe; sys.exit({'torch', 'sklearn'} & set(sys.modules) != set())"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
