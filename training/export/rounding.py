"""An ONNX file's weights and products in fewer bits, by ONNX Runtime's own tools.

Rule: what clients send and get keeps its datatypes.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from onnxruntime.transformers.float16 import convert_float_to_float16

from serving.core.requests import Arrays

_BATCH = 16  # rows of calibration that are computed at a time


def int8_dynamic(source: Path, path: Path) -> None:
    """Weights of 8 bits; what they are multiplied with is rounded for each batch."""
    with _quiet():
        quantize_dynamic(source, path, weight_type=QuantType.QInt8, per_channel=True)


def int8_static(source: Path, path: Path, rows: Arrays) -> None:
    """Weights and what they are multiplied with have 8 bits, the latter by what `rows` led to."""
    prepared = path.with_suffix(".prepared")
    with _quiet():
        quant_pre_process(source, prepared, skip_symbolic_shape=True)
        quantize_static(
            prepared,
            path,
            _Batches(rows),
            weight_type=QuantType.QInt8,
            activation_type=QuantType.QUInt8,
            per_channel=True,
        )
    prepared.unlink()


def fp16(source: Path, path: Path) -> None:
    onnx.save(convert_float_to_float16(onnx.load(source), keep_io_types=True), path)


class _Batches(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, rows: Arrays) -> None:
        count = len(next(iter(rows.values())))
        self._batches: Iterator[dict[str, np.ndarray]] = iter(
            [{name: array[at : at + _BATCH] for name, array in rows.items()} for at in range(0, count, _BATCH)]
        )

    def get_next(self) -> dict[str, Any] | None:
        return next(self._batches, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """The tools recommend through the root logger what has been done, or must not be."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
