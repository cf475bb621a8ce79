"""Each recipe is trained once a session, with its own parameters, and published once; tests only read these."""

from pathlib import Path

import pytest

from training.checkpoint import Checkpoint
from training.export.package import publish
from training.recipes.recipe import find
from training.run import run


def _trained(name: str) -> Checkpoint:
    recipe = find(name)
    return run(recipe, recipe.config, lambda _: None)


@pytest.fixture(scope="session")
def digits() -> Checkpoint:
    return _trained("digits-cnn")


@pytest.fixture(scope="session")
def cancer() -> Checkpoint:
    return _trained("breast-cancer-mlp")


@pytest.fixture(scope="session")
def repository(digits: Checkpoint, cancer: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 of both models."""
    root = tmp_path_factory.mktemp("repository")
    for checkpoint in (digits, cancer):
        publish(find(checkpoint.recipe), checkpoint, root)
    return root


@pytest.fixture(params=["digits-cnn", "breast-cancer-mlp"])
def version(request: pytest.FixtureRequest, repository: Path) -> Path:
    """The published version's directory, of each model in turn."""
    return repository / str(request.param) / "1"
