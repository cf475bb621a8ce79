"""Servers over the official example models: one that allows everything, and one as it starts without options."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conformance import behaviours, models
from tests.conformance.behaviours import Gate
from tests.running_server import RunningServer, running


@pytest.fixture(scope="session")
def example_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("conformance")
    models.build(root)
    behaviours.build(root)
    return root


@pytest.fixture(scope="session")
def server(example_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    traces = tmp_path_factory.mktemp("traces") / "trace.json"
    settings = {"model_control_mode": "explicit", "load_model": ("*",)}
    with running(example_models, allow_shared_memory=True, trace_file=traces, **settings) as running_server:
        yield running_server


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """Neither model control nor shared memory; only `simple`."""
    root = tmp_path_factory.mktemp("plain")
    models.add_add_sub(root, "simple", "INT32")
    with running(root) as running_server:
        yield running_server


@pytest.fixture
def gate(server: RunningServer, example_models: Path) -> Iterator[Gate]:
    """Shut, and nothing waits at it; open when the test ends, so that the next finds it as this one did."""
    gate = Gate(example_models / behaviours.HELD / "1")
    gate.reset()
    yield gate
    gate.open()
    server.wait_for_pending(behaviours.HELD, 0)
