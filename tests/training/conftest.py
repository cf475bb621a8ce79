from pathlib import Path

import pytest


@pytest.fixture(params=["digits-cnn", "breast-cancer-mlp"])
def version(request: pytest.FixtureRequest, repository: Path) -> Path:
    """The published version's directory, of each model in turn."""
    return repository / str(request.param) / "1"
