import subprocess
import sys

from tests.tiny_answers import RECIPE
from training.recipes.recipe import RECIPES


def test_a_recipe_loads_the_same_pairs_each_time() -> None:
    assert RECIPE.load().fingerprint() == RECIPE.load().fingerprint()
    assert "dates-seq2seq" in RECIPES


def test_naming_it_imports_no_torch() -> None:
    program = "import sys, training.recipes.seq2seq_recipe; sys.exit('torch' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
