"""Exported files against the PyTorch model, on held-out rows, through the backends that will serve them.

Rule: every batch size gives every row the answer that PyTorch gives for the whole set; a file that doesn't isn't
published.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from serving.backends.backend import ModelInstance, find
from serving.core.model_config import ModelConfig, complete
from serving.core.requests import Arrays
from training.errors import ParityFailed

BACKENDS = {"onnx": "onnxruntime", "torchscript": "pytorch"}  # by format
BATCH_SIZES = (1, 2, 7, 32)  # rows, and then the whole set
TOLERANCE = 1e-5
_MIN_MAGNITUDE = 1e-3  # smaller numbers are compared as if they were this large


@dataclass(frozen=True, slots=True)
class ParityReport:
    """The largest differences over all rows and outputs; `agreement` is the share of rows that are answered alike."""

    format: str
    batch_size: int
    max_abs_error: float
    max_rel_error: float
    agreement: float


@dataclass(frozen=True, slots=True)
class Demand:
    """How alike answers must be: numbers to a `tolerance` of an output's largest, where that is above 1, and classes
    exactly, on at least a share of the rows."""

    tolerance: float = TOLERANCE
    agreement: float = 1.0


def check(
    directory: Path, config: ModelConfig, inputs: Arrays, expected: Arrays, demand: Demand
) -> tuple[ParityReport, ...]:
    """Compare the files in `directory` with what PyTorch answers; the reports, format by format.

    Raises `ParityFailed`, and `ModelLoadFailed` when a file doesn't load under `config`.
    """
    return tuple(
        report for name in BACKENDS for report in _check_format(name, directory, config, inputs, expected, demand)
    )


def alike(directory: Path, config: ModelConfig, inputs: Arrays, expected: Arrays, tolerance: float) -> np.ndarray:
    """The numbers of the rows that the files in `directory` answer alike."""
    agree = np.ones(len(next(iter(expected.values()))), np.bool_)
    for name in BACKENDS:
        with _instance(name, directory, config) as instance:
            agree &= agreeing(name, answers(name, instance, inputs, len(agree)), expected, tolerance)
    return np.flatnonzero(agree)


def compare(
    file_format: str, batch_size: int, actual: Arrays, expected: Arrays, tolerance: float = TOLERANCE
) -> ParityReport:
    """By output, rows first. Raises `ParityFailed` when `actual` has other shapes."""
    agree = agreeing(file_format, actual, expected, tolerance)
    errors = [_errors(actual[name], wanted) for name, wanted in expected.items()]
    return ParityReport(
        file_format,
        batch_size,
        max_abs_error=max(absolute for absolute, _ in errors),
        max_rel_error=max(relative for _, relative in errors),
        agreement=float(agree.mean()),
    )


def agreeing(file_format: str, actual: Arrays, expected: Arrays, tolerance: float) -> np.ndarray:
    """Bool [rows]: which are answered alike in every output. Raises `ParityFailed` when `actual` has other shapes."""
    agree = np.ones(len(next(iter(expected.values()))), np.bool_)
    for name, wanted in expected.items():
        found = actual[name]
        if found.shape != wanted.shape:
            raise ParityFailed(f"the {file_format} file answers {found.shape}, PyTorch {wanted.shape}; not published")
        allowed = tolerance * max(1.0, float(np.abs(wanted).max())) if wanted.dtype.kind == "f" else 0
        near = np.abs(found.astype(np.float64) - wanted.astype(np.float64)) <= allowed  # NaN compares false
        agree &= near.reshape(len(wanted), -1).all(axis=1)
    return agree


def answers(file_format: str, instance: ModelInstance, inputs: Arrays, batch_size: int) -> dict[str, np.ndarray]:
    """Of an exported file, for all rows. Raises `ParityFailed` where it fails."""
    rows = len(next(iter(inputs.values())))
    try:
        parts = [instance.run(_part(inputs, start, batch_size)) for start in range(0, rows, batch_size)]
    except Exception as error:  # the runtimes' exceptions have no common base but this
        reason = str(error).strip().partition("\n")[0]
        raise ParityFailed(
            f"the {file_format} file fails at batch size {batch_size}: {reason}; not published"
        ) from error
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def served_by(file_format: str, config: ModelConfig) -> ModelConfig:
    """The same inputs and outputs, with the backend and the file of one format."""
    served = ModelConfig()
    served.CopyFrom(config)
    served.backend, served.platform, served.default_model_filename = BACKENDS[file_format], "", ""
    return complete(served)


def _check_format(
    file_format: str, directory: Path, config: ModelConfig, inputs: Arrays, expected: Arrays, demand: Demand
) -> Iterator[ParityReport]:
    with _instance(file_format, directory, config) as instance:
        for batch_size in (*BATCH_SIZES, len(next(iter(inputs.values())))):
            found = answers(file_format, instance, inputs, batch_size)
            report = compare(file_format, batch_size, found, expected, demand.tolerance)
            if report.agreement < demand.agreement:
                raise ParityFailed(_complaint(report))
            yield report


@contextmanager
def _instance(file_format: str, directory: Path, config: ModelConfig) -> Iterator[ModelInstance]:
    instance = find(BACKENDS[file_format])(directory, served_by(file_format, config), "cpu")
    try:
        yield instance
    finally:
        instance.close()


def _part(inputs: Mapping[str, np.ndarray], start: int, rows: int) -> dict[str, np.ndarray]:
    return {name: array[start : start + rows] for name, array in inputs.items()}


def _errors(actual: np.ndarray, expected: np.ndarray) -> tuple[float, float]:
    """The largest difference, and that beside what was expected."""
    difference = np.abs(actual.astype(np.float64) - expected.astype(np.float64))
    relative = difference / np.maximum(np.abs(expected), _MIN_MAGNITUDE)
    return float(difference.max()), float(relative.max())


def _complaint(report: ParityReport) -> str:
    return (
        f"the {report.format} file answers differently from PyTorch at batch size {report.batch_size} "
        f"(largest difference {report.max_abs_error:.2g}, alike in {report.agreement:.1%} of rows); not published"
    )
