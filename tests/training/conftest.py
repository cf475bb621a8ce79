from pathlib import Path

import pytest

from tests import tiny_answers, tiny_language
from training.checkpoint import Checkpoint
from training.run import run


@pytest.fixture(params=["digits-cnn", "breast-cancer-mlp"])
def version(request: pytest.FixtureRequest, repository: Path) -> Path:
    """The published version's directory, of each model in turn."""
    return repository / str(request.param) / "1"


@pytest.fixture(scope="session")
def writer() -> Checkpoint:
    """Of a model that writes, the tiny one."""
    recipe = tiny_language.RECIPE
    return run(recipe, recipe.kind.load(None, recipe.data)).checkpoint


@pytest.fixture(scope="session")
def answerer() -> Checkpoint:
    """Of a model that answers texts, the tiny one."""
    recipe = tiny_answers.RECIPE
    return run(recipe, recipe.kind.load(None, recipe.data)).checkpoint
