"""A matrix product of an ONNX graph in 8 bits: weights rounded once by the column, what they meet at each run.

Rule: each row of what comes in has a scale of its own, and sums are integers, so that a row's result is the same to
the last bit whatever rows are beside it.
"""

from typing import Protocol

import numpy as np
from onnx import TensorProto
from onnxruntime.quantization.quant_utils import quantize_nparray

_LARGEST = 127
_ZERO = 128  # in bytes without a sign, which is what processors multiply signed weights with


class Nodes(Protocol):
    def add(self, kind: str, inputs: list[str], output: str, **attributes: int) -> str: ...

    def constant(self, name: str, values: np.ndarray) -> str: ...


class Int8Products:
    """Of one graph; products that read the same share what is made of it."""

    def __init__(self, nodes: Nodes) -> None:
        self._nodes = nodes
        self._rounded: dict[str, tuple[str, str]] = {}
        nodes.constant("int8.step", np.array(1 / _LARGEST, np.float32))
        nodes.constant("int8.half_up", np.array(_ZERO + 0.5, np.float32))
        nodes.constant("int8.zero", np.array(_ZERO, np.uint8))
        nodes.constant("int8.last_axis", np.array([-1]))

    def add(self, x: str, weight: np.ndarray, name: str, output: str) -> str:
        """`x` [..., k] times `weight` [k, n], which is called `name`."""
        add, constant = self._nodes.add, self._nodes.constant
        if x not in self._rounded:
            self._rounded[x] = self._rounded_rows(x)
        rounded, row_scales = self._rounded[x]
        scales = column_scales(weight)
        whole = quantize_nparray(TensorProto.INT8, weight, scales, 0)
        inputs = [rounded, constant(name, whole), "int8.zero"]
        summed = add("Cast", [add("MatMulInteger", inputs, f"{output}.sums")], f"{output}.float", to=TensorProto.FLOAT)
        scaled = add("Mul", [summed, constant(f"{name}.scales", scales)], f"{output}.columns")
        return add("Mul", [scaled, row_scales], output)

    def _rounded_rows(self, x: str) -> tuple[str, str]:
        """Bytes, and each row's scale [..., 1]. A row of nothing but 0 has the scale 0, and so 0 comes of it."""
        add = self._nodes.add
        largest = add("ReduceMax", [add("Abs", [x], f"{x}.abs"), "int8.last_axis"], f"{x}.largest", keepdims=1)
        scale = add("Mul", [largest, "int8.step"], f"{x}.scale")
        shifted = add("Add", [add("Div", [x, scale], f"{x}.steps"), "int8.half_up"], f"{x}.shifted")
        return add("Cast", [shifted], f"{x}.bytes", to=TensorProto.UINT8), scale


def column_scales(weight: np.ndarray) -> np.ndarray:
    largest = np.abs(weight).max(axis=0)
    return np.asarray(np.where(largest > 0, largest / _LARGEST, 1), np.float32)
