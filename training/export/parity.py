"""Exported files against the PyTorch model, on held-out rows, through the backends that will serve them.

Rule: every batch size gives every row the answer that PyTorch gives for the whole set; a file that doesn't isn't
published.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from serving.backends.backend import ModelInstance, find
from serving.core.model_config import ModelConfig, complete
from serving.core.requests import TensorSpec
from training.errors import ParityFailed

BACKENDS = {"onnx": "onnxruntime", "torchscript": "pytorch"}  # by format
BATCH_SIZES = (1, 2, 7, 32)  # rows, and then the whole set
TOLERANCE = 1e-5  # absolute, on probabilities
_MIN_MAGNITUDE = 1e-3  # smaller probabilities are compared as if they were this large


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The largest differences over all rows; `label_agreement` is the share of rows with the same best class."""

    format: str
    batch_size: int
    max_abs_error: float
    max_rel_error: float
    label_agreement: float

    @property
    def passed(self) -> bool:
        return self.max_abs_error <= TOLERANCE and self.label_agreement == 1.0  # NaN compares false


def check(directory: Path, config: ModelConfig, model: nn.Module, rows: Tensor) -> tuple[ParityReport, ...]:
    """Compare the files in `directory` with `model` on `rows`; the reports, format by format.

    Raises `ParityFailed`, and `ModelLoadFailed` when a file doesn't load under `config`.
    """
    with torch.inference_mode():
        expected = model(rows).numpy()
    return tuple(
        report for name in BACKENDS for report in _check_format(name, directory, config, rows.numpy(), expected)
    )


def compare(file_format: str, batch_size: int, actual: np.ndarray, expected: np.ndarray) -> ParityReport:
    """Both are [rows, classes]. Raises `ParityFailed` when `actual` has another shape."""
    if actual.shape != expected.shape:
        raise ParityFailed(f"the {file_format} file answers {actual.shape}, PyTorch {expected.shape}; not published")
    difference = np.abs(actual - expected)
    return ParityReport(
        file_format,
        batch_size,
        max_abs_error=float(difference.max()),
        max_rel_error=float((difference / np.maximum(np.abs(expected), _MIN_MAGNITUDE)).max()),
        label_agreement=float((actual.argmax(axis=1) == expected.argmax(axis=1)).mean()),
    )


def _check_format(
    file_format: str, directory: Path, config: ModelConfig, rows: np.ndarray, expected: np.ndarray
) -> Iterator[ParityReport]:
    backend = BACKENDS[file_format]
    instance = find(backend)(directory, _served_by(backend, config), "cpu")
    try:
        for batch_size in (*BATCH_SIZES, len(rows)):
            report = compare(file_format, batch_size, _answers(file_format, instance, rows, batch_size), expected)
            if not report.passed:
                raise ParityFailed(_complaint(report))
            yield report
    finally:
        instance.close()


def _answers(file_format: str, instance: ModelInstance, rows: np.ndarray, batch_size: int) -> np.ndarray:
    batches = [rows[start : start + batch_size] for start in range(0, len(rows), batch_size)]
    try:
        return np.concatenate([_answer(instance, batch) for batch in batches])
    except Exception as error:  # the runtimes' exceptions have no common base but this
        reason = str(error).strip().partition("\n")[0]
        raise ParityFailed(
            f"the {file_format} file fails at batch size {batch_size}: {reason}; not published"
        ) from error


def _answer(instance: ModelInstance, batch: np.ndarray) -> np.ndarray:
    (inputs,), (outputs,) = _names(instance.inputs), _names(instance.outputs)
    return instance.run({inputs: batch})[outputs]


def _names(specs: tuple[TensorSpec, ...]) -> list[str]:
    return [spec.name for spec in specs]


def _served_by(backend: str, config: ModelConfig) -> ModelConfig:
    """The same inputs and outputs, with the backend and the file of one format."""
    served = ModelConfig()
    served.CopyFrom(config)
    served.backend, served.platform, served.default_model_filename = backend, "", ""
    return complete(served)


def _complaint(report: ParityReport) -> str:
    return (
        f"the {report.format} file answers differently from PyTorch at batch size {report.batch_size} "
        f"(largest difference {report.max_abs_error:.2g}, same label for {report.label_agreement:.1%} of rows); "
        "not published"
    )
