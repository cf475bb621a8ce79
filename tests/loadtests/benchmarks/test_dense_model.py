import json
from pathlib import Path

import numpy as np
import pytest

from loadtests.benchmarks.callers import ask_each, infer
from loadtests.benchmarks.dense_model import Backend, Dense, add_model, answer
from tests.running_server import running


def test_a_model_is_as_large_as_was_asked_for() -> None:
    size = Dense.of_megabytes(2.0)
    assert size.megabytes == pytest.approx(2.0, rel=0.05)
    weights = size.weights(seed=0)
    assert sum(matrix.nbytes for matrix in weights) == pytest.approx(size.megabytes * 1e6)
    assert all(len(np.unique(matrix)) > matrix.size * 0.9 for matrix in weights)


def test_both_backends_serve_what_numpy_computes(tmp_path: Path) -> None:
    size = Dense(16, 2)
    for backend in Backend:
        add_model(tmp_path, backend.value, size, backend.value)
    expected = answer(size.weights(seed=0), np.array([[1, 2, 3, 4]], np.float32))
    with running(tmp_path) as server:
        for backend in Backend:
            [reply] = ask_each(server.http_port, [infer(backend.value, 1, 2, 3, 4)])
            assert json.loads(reply.body)["outputs"][0]["data"] == pytest.approx(expected[0], abs=1e-4)
