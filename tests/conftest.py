"""Servers that many tests share; a test that needs another kind makes its own with `running`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import tiny_models
from tests.running_server import RunningServer, running


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
    return root


@pytest.fixture(scope="session")
def tiny_server(tiny_repository: Path) -> Iterator[RunningServer]:
    with running(tiny_repository) as server:
        yield server
