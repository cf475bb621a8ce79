"""A small model for those that load test generation."""

from dataclasses import replace

import pytest

from loadtests.benchmarks.generation_models import MODELS, Written, add_model

TINY = replace(MODELS[0], name="tiny", hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=2)


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return add_model(tmp_path_factory.mktemp("repository"), TINY, rows=3, threads=2)
