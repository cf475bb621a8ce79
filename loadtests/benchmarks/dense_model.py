"""A model of any size that is made on the fly: four floats in and out, with layers of square matrices between.

Rule: all of its weights are different, so that nothing can keep them smaller or as pages of zeros.
"""

from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

import numpy as np

FEATURES = 4
BATCHED = "dynamic_batching { }"
_FILES = {"onnxruntime": "model.onnx", "pytorch": "model.pt"}


class Backend(StrEnum):
    ONNXRUNTIME = "onnxruntime"
    PYTORCH = "pytorch"


@dataclass(frozen=True, slots=True)
class Dense:
    width: int
    layers: int

    @classmethod
    def of_megabytes(cls, megabytes: float, layers: int = 4) -> "Dense":
        """Its weights in 10^6 bytes, about."""
        return cls(max(1, round((megabytes * 1e6 / 4 / layers) ** 0.5)), layers)

    @property
    def megabytes(self) -> float:
        return (self.layers * self.width**2 + 2 * FEATURES * self.width) * 4 / 1e6

    def weights(self, seed: int) -> list[np.ndarray]:
        """Scaled so that what goes through stays about as large as it was."""
        sizes = [FEATURES, *[self.width] * (self.layers + 1), FEATURES]
        random = np.random.default_rng(seed)
        shapes = pairwise(sizes)
        return [random.standard_normal(shape, np.float32) / np.float32(shape[0] ** 0.5) for shape in shapes]


def add_model(
    root: Path, name: str, size: Dense, backend: str = "onnxruntime", extra: str = BATCHED, seed: int = 0
) -> None:
    """A model with its version 1."""
    write_config(root, name, backend, extra)
    write_version(root / name / "1", size.weights(seed), backend)


def write_config(
    root: Path, name: str, backend: str = "onnxruntime", extra: str = BATCHED, max_batch_size: int = 8
) -> None:
    (root / name).mkdir(parents=True)
    (root / name / "config.pbtxt").write_text(f"""backend: "{backend}" max_batch_size: {max_batch_size}
input {{ name: "x" data_type: TYPE_FP32 dims: {FEATURES} }}
output {{ name: "y" data_type: TYPE_FP32 dims: {FEATURES} }}
{extra}
""")


def write_version(folder: Path, weights: list[np.ndarray], backend: str = "onnxruntime") -> None:
    folder.mkdir(parents=True)
    write = _write_onnx if backend == "onnxruntime" else _write_torchscript
    write(folder / _FILES[backend], weights)


def answer(weights: list[np.ndarray], rows: np.ndarray) -> np.ndarray:
    for matrix in weights:
        rows = rows @ matrix
    return rows


def _write_onnx(path: Path, weights: list[np.ndarray]) -> None:
    import onnx
    from onnx import helper, numpy_helper

    names = ["x", *(f"h{number}" for number in range(1, len(weights))), "y"]
    graph = helper.make_graph(
        [helper.make_node("MatMul", [names[n], f"w{n}"], [names[n + 1]]) for n in range(len(weights))],
        "dense",
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", FEATURES])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", FEATURES])],
        [numpy_helper.from_array(matrix, f"w{n}") for n, matrix in enumerate(weights)],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10), path)


def _write_torchscript(path: Path, weights: list[np.ndarray]) -> None:
    import warnings

    import torch

    layers = []
    for matrix in weights:
        layer = torch.nn.Linear(matrix.shape[0], matrix.shape[1], bias=False)
        layer.weight.data = torch.from_numpy(np.ascontiguousarray(matrix.T))
        layers.append(layer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # TorchScript is what the pytorch backend serves
        torch.jit.trace(torch.nn.Sequential(*layers).eval(), torch.zeros(2, FEATURES)).save(path)  # type: ignore[no-untyped-call]
