from pathlib import Path

import pytest

from tests import tiny_answers, tiny_language
from training.language.checkpoint import LanguageCheckpoint
from training.language.run import run
from training.seq2seq import run as seq2seq


@pytest.fixture(params=["digits-cnn", "breast-cancer-mlp"])
def version(request: pytest.FixtureRequest, repository: Path) -> Path:
    """The published version's directory, of each model in turn."""
    return repository / str(request.param) / "1"


@pytest.fixture(scope="session")
def writer() -> LanguageCheckpoint:
    """Of a model that writes, the tiny one."""
    return run(tiny_language.RECIPE, tiny_language.RECIPE.sizes["tiny"])


@pytest.fixture(scope="session")
def answerer() -> LanguageCheckpoint:
    """Of a model that answers texts, the tiny one."""
    return seq2seq.run(tiny_answers.RECIPE, tiny_answers.CONFIG)
