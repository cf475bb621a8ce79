from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from serving.core.requests import TensorSpec
from training.export import onnx as exporter
from training.export import rounding
from training.export.measuring import answers, opened
from training.models.mlp import Mlp

ROWS = {"rows": np.random.default_rng(1).normal(size=(40, 32)).astype(np.float32)}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("rounding") / "model.onnx"
    takes = [TensorSpec("rows", "FP32", (-1, 32))]
    exporter.export(Mlp(32, 64, 4).eval(), [torch.from_numpy(ROWS["rows"][:2])], path, takes, ["scores"])
    return path


def _scores(path: Path) -> np.ndarray:
    return answers(opened(path), ROWS)["scores"]


def _types(path: Path) -> set[int]:
    return {weight.data_type for weight in onnx.load(path).graph.initializer if len(weight.dims) == 2}


@pytest.mark.parametrize(
    ("make", "datatype"),
    [
        (rounding.int8_dynamic, onnx.TensorProto.INT8),
        (lambda source, path: rounding.int8_static(source, path, ROWS), onnx.TensorProto.INT8),
        (rounding.fp16, onnx.TensorProto.FLOAT16),
    ],
    ids=["int8-dynamic", "int8-static", "fp16"],
)
def test_weights_are_smaller_and_answers_near(plain: Path, tmp_path: Path, make: object, datatype: int) -> None:
    path = tmp_path / "rounded.onnx"
    make(plain, path)  # type: ignore[operator]

    assert _types(path) == {datatype}
    assert path.stat().st_size < 0.75 * plain.stat().st_size
    error = np.abs(_scores(path) - _scores(plain)).max()
    assert 0 < error < 0.1 * np.abs(_scores(plain)).max()
    assert [each.name for each in tmp_path.iterdir()] == ["rounded.onnx"]
