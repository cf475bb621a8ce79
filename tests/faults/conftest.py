"""One server for the faults that leave it alive, and what they cost, which is told at the end
(`python -m pytest tests/faults -s`)."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import python_models, scaled_models, tiny_models
from tests.faults.models import add_growing, add_logarithm
from tests.faults.trials import Trials
from tests.running_server import RunningServer, running
from tests.tiny_decoders import add_tiny_decoder


@pytest.fixture(scope="session")
def trials() -> Iterator[Trials]:
    trials = Trials()
    yield trials
    print(trials.table())


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("faults")
    scaled_models.add_scaled(root, 1)  # the neighbour
    tiny_models.add_double(root)
    add_growing(root)
    add_logarithm(root, "checked", 'parameters { key: "nan_check" value { string_value: "true" } }')
    add_logarithm(root, "unchecked")
    python_models.add_hazard(root)
    python_models.add_mock_llm(root)
    add_tiny_decoder(root)
    return root


@pytest.fixture(scope="session")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root) as server:
        yield server
