"""What many tests share: servers over tiny models, and the example models, trained once; tests only read these."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import tiny_models
from tests.running_server import RunningServer, running
from training.checkpoint import Checkpoint
from training.export.package import publish
from training.recipes import breast_cancer_mlp, digits_cnn
from training.recipes.recipe import Recipe
from training.run import run

# How fast examples are made says how busy the machine is, not whether the code is right.
settings.register_profile("slipway", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("slipway")

os.environ.setdefault("SLIPWAY_AUTO_TUNE_SECS", "0")  # in servers that tests start as processes


def pytest_collection_finish() -> None:
    """Modules and tests stay to the end: that they are no garbage need not be found out again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def tiny_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tiny_repository")
    tiny_models.add_double(root)
    tiny_models.add_add_sub(root)
    tiny_models.add_lookup(root)
    tiny_models.add_brightness(root)
    tiny_models.add_identity(root, "identity_text", "TYPE_STRING", "string")
    tiny_models.add_identity(root, "identity_fp32", "TYPE_FP32", "float")
    tiny_models.add_identity(root, "identity_fp16", "TYPE_FP16", "float16")
    tiny_models.add_torchscript(root)
    tiny_models.add_spot(root)
    tiny_models.add_spot(root, "spot-rgb", channels=3)
    return root


@pytest.fixture(scope="session")
def tiny_server(tiny_repository: Path) -> Iterator[RunningServer]:
    with running(tiny_repository) as server:
        yield server


def _trained(recipe: Recipe) -> Checkpoint:
    return run(recipe, recipe.kind.load(None, recipe.data)).checkpoint


@pytest.fixture(scope="session")
def digits() -> Checkpoint:
    return _trained(digits_cnn.RECIPE)


@pytest.fixture(scope="session")
def cancer() -> Checkpoint:
    return _trained(breast_cancer_mlp.RECIPE)


@pytest.fixture(scope="session")
def repository(digits: Checkpoint, cancer: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Version 1 of both models."""
    root = tmp_path_factory.mktemp("repository")
    for recipe, checkpoint in ((digits_cnn.RECIPE, digits), (breast_cancer_mlp.RECIPE, cancer)):
        publish(recipe, checkpoint, root / recipe.name)
    return root
