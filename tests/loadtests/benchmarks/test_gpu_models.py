from pathlib import Path

import numpy as np
import pytest

from loadtests.benchmarks.dense_model import Backend
from loadtests.benchmarks.gpu_models import NETWORKS, Network, write
from serving.backends import backend
from serving.core.model_config import complete, parse


@pytest.mark.parametrize("network", NETWORKS, ids=lambda network: network.name)
def test_both_files_compute_the_same_row_by_row(network: Network, tmp_path: Path) -> None:
    rows = np.random.default_rng(0).standard_normal((3, *network.shape), np.float32)
    answers = []
    for each in Backend:
        path = write(tmp_path / network.name / "1", network, each)
        config = complete(parse(network.config(each, "KIND_CPU"), network.name))
        instance = backend.find(each.value)(path.parent, config, "cpu")
        answers.append(instance.run({"x": rows})["y"])
        assert instance.run({"x": rows[1:2]})["y"][0] == pytest.approx(answers[-1][1], abs=1e-4)
    onnx, torchscript = answers
    assert onnx.shape == (3, network.features)
    assert onnx == pytest.approx(torchscript, abs=1e-3)
    assert not np.allclose(onnx[0], onnx[1], atol=1e-3)
