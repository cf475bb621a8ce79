"""How large, how fast and how good an ONNX file is, beside others.

Rule: files are timed in turn, round by round, on one thread, so that what else the machine does meets them all.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime as ort

from serving.core.requests import Arrays

BATCHES = (1, 32)
_ROUNDS = 9
_LEAST_SECONDS = 0.004  # of a round, so that the clock's own steps are no part of it


@dataclass(frozen=True, slots=True)
class Timing:
    """`milliseconds` of a batch by its rows, and how many times as fast as the first file, batches alike."""

    milliseconds: dict[str, float]
    speedup: float


def opened(path: Path) -> ort.InferenceSession:
    """Raises whatever ONNX Runtime does for what it can't run here."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(session: ort.InferenceSession, inputs: Arrays) -> dict[str, np.ndarray]:
    names = [output.name for output in session.get_outputs()]
    given = {each.name: inputs[each.name] for each in session.get_inputs()}
    return dict(zip(names, session.run(names, given), strict=True))


def timings(sessions: Mapping[str, ort.InferenceSession], inputs: Arrays) -> dict[str, Timing]:
    """By name; the first is what the others are beside."""
    found = {rows: _rounds(sessions, _batch(inputs, rows)) for rows in BATCHES}
    first = next(iter(sessions))
    return {
        name: Timing(
            {str(rows): round(1e3 * statistics.median(found[rows][name]), 4) for rows in BATCHES},
            statistics.geometric_mean(_ratio(found[rows][first], found[rows][name]) for rows in BATCHES),
        )
        for name in sessions
    }


def _rounds(sessions: Mapping[str, ort.InferenceSession], batch: Arrays) -> dict[str, list[float]]:
    """Seconds of a call, in each round."""
    calls = {name: _call(session, batch) for name, session in sessions.items()}
    counts = {name: max(1, round(_LEAST_SECONDS / _seconds(call, 3))) for name, call in calls.items()}
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(_ROUNDS):
        for name, call in calls.items():
            found[name].append(_seconds(call, counts[name]))
    return found


def _call(session: ort.InferenceSession, batch: Arrays) -> Callable[[], object]:
    given = {each.name: batch[each.name] for each in session.get_inputs()}
    return lambda: session.run(None, given)


def _seconds(call: Callable[[], object], count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        call()
    return (time.perf_counter() - start) / count


def _ratio(first: Sequence[float], other: Sequence[float]) -> float:
    return statistics.median(mine / yours for mine, yours in zip(first, other, strict=True))


def _batch(inputs: Arrays, rows: int) -> dict[str, np.ndarray]:
    """So many, the first ones again where there are fewer."""
    return {name: np.resize(array, (rows, *array.shape[1:])) for name, array in inputs.items()}
