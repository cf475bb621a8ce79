"""A server whose models may be loaded anew while it is asked."""

from collections.abc import Iterator

import pytest

from tests import python_models, tiny_models
from tests.running_server import RunningServer, running


@pytest.fixture(scope="session")
def changeable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("changeable")
    tiny_models.add_double(root)
    tiny_models.add_double(root, "other")
    python_models.add_endless_tokens(root)
    with running(root, model_control_mode="explicit", load_model=("*",)) as server:
        yield server
