"""The three models that servers are compared with: a small network, a convolutional one, and one of much arithmetic.

Rule: the same on every machine, made from a fixed seed; and every one takes `x` and gives `y`, a row for each row.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

MAX_BATCH_SIZE = 64
_SEED = 0


@dataclass(frozen=True, slots=True)
class Model:
    """`shape` is a row's. For each of `channels` a convolution of 3x3 and a pooling of 2x2; then layers of `widths`."""

    name: str
    title: str
    shape: tuple[int, ...]
    channels: tuple[int, ...]
    widths: tuple[int, ...]

    def row(self) -> np.ndarray:
        return np.random.default_rng(_SEED + 1).standard_normal((1, *self.shape), np.float32)

    def config(self) -> str:
        return f"""backend: "onnxruntime" max_batch_size: {MAX_BATCH_SIZE}
input {{ name: "x" data_type: TYPE_FP32 dims: [ {", ".join(map(str, self.shape))} ] }}
output {{ name: "y" data_type: TYPE_FP32 dims: [ {self.widths[-1]} ] }}
dynamic_batching {{ }}
"""


MODELS = (
    Model("mlp", "MLP 10-20-10-5", (10,), (), (20, 10, 5)),
    Model("cnn", "CNN 28x28, two convolutions", (1, 28, 28), (16, 32), (10,)),
    Model("wide", "MLP 6x1024", (1024,), (), (1024,) * 6),
)


def add_model(repository: Path, model: Model) -> Path:
    """With its config, as version 1 of a Triton-style repository; the ONNX file."""
    file = repository / model.name / "1" / "model.onnx"
    file.parent.mkdir(parents=True)
    (repository / model.name / "config.pbtxt").write_text(model.config())
    _write(file, model)
    return file


def _write(path: Path, model: Model) -> None:
    import onnx
    from onnx import helper

    layers = _Layers()
    for before, after in pairwise((model.shape[0], *model.channels) if model.channels else ()):
        layers.convolution(before, after)
    features = model.shape[0]
    if model.channels:
        layers.add("Flatten", axis=1)
        features = model.channels[-1] * int(np.prod(model.shape[1:])) // 4 ** len(model.channels)
    for number, (before, after) in enumerate(pairwise((features, *model.widths))):
        layers.dense(before, after, is_last=number == len(model.widths) - 1)
    graph = helper.make_graph(
        layers.nodes,
        model.name,
        [helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["n", *model.shape])],
        [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", model.widths[-1]])],
        layers.weights,
    )
    # Versions that the runtimes of all peers can read.
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class _Layers:
    """Nodes one after another, the last one's output being the next one's input."""

    def __init__(self) -> None:
        from onnx import NodeProto, TensorProto

        self.nodes: list[NodeProto] = []
        self.weights: list[TensorProto] = []
        self._random = np.random.default_rng(_SEED)

    def convolution(self, before: int, after: int) -> None:
        filters = self._weight(before * 9, after, before, 3, 3)
        self.add("Conv", filters, self._weight(1, after), kernel_shape=[3, 3], pads=[1] * 4)
        self.add("Relu")
        self.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])

    def dense(self, before: int, after: int, is_last: bool) -> None:
        self.add("Gemm", self._weight(before, before, after), self._weight(1, after), output="y" if is_last else "")
        if not is_last:
            self.add("Relu")

    def add(self, kind: str, *weights: str, output: str = "", **attributes: Any) -> None:
        from onnx import helper

        given = self.nodes[-1].output[0] if self.nodes else "x"
        self.nodes.append(helper.make_node(kind, [given, *weights], [output or f"h{len(self.nodes)}"], **attributes))

    def _weight(self, summed: int, *shape: int) -> str:
        """Scaled so that what goes through stays about as large as it was, though so many values are `summed`."""
        from onnx import numpy_helper

        scale = np.float32(summed**-0.5)
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(self._random.standard_normal(shape, np.float32) * scale, name))
        return name
