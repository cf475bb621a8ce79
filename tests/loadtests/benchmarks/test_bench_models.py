from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from loadtests.benchmarks.bench_models import MODELS, Model, add_model


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_model_takes_its_row_and_answers_every_row_by_itself(model: Model, tmp_path: Path) -> None:
    session = onnxruntime.InferenceSession(add_model(tmp_path, model))
    row = model.row()
    rows = np.concatenate([row, np.zeros_like(row), row])
    [alone], [together] = session.run(None, {"x": row}), session.run(None, {"x": rows})
    assert row.shape == (1, *model.shape)
    assert together.shape == (3, model.widths[-1])
    assert together[[0, 2]] == pytest.approx(np.concatenate([alone, alone]), rel=1e-3, abs=1e-4)
    assert not np.allclose(together[1], alone)
    assert 0.1 < alone.std() < 100


def test_the_same_seed_makes_the_same_file(tmp_path: Path) -> None:
    first, second = (add_model(tmp_path / name, MODELS[1]).read_bytes() for name in ("a", "b"))
    assert first == second
