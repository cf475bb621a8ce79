"""Other files for the same model, made, measured and judged; the best takes the place of the one that is there.

Rule: what can't be made of a model, or can't run here, is told with its reason, and leaves the file that is there.
"""

import copy
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnxruntime as ort
import torch
from torch import Tensor, nn

from serving.core.requests import Arrays
from training.export import onnx, pruning, rounding
from training.export.gate import FLOAT32, PUBLISHED, Gate, Variant, judged
from training.export.measuring import Timing, answers, opened, timings
from training.export.reasons import reason
from training.kind import Rows, Served

Score = Callable[[Arrays, Arrays], float]
"""Of outputs and truths; more is better."""

_CALIBRATION_ROWS = 256


@dataclass(frozen=True, slots=True)
class Subject:
    """What is to be served, the file of it in float32, and validation rows to judge it by."""

    served: Served
    path: Path
    rows: Rows
    score: Score


def best(subject: Subject, gate: Gate) -> tuple[Variant, ...]:
    """What was tried. The file at `subject.path` is the one that is published."""
    with tempfile.TemporaryDirectory(prefix="slipway-") as folder:
        paths, reasons = _made(subject, gate, Path(folder))
        sessions, failed = _opened(paths, subject.rows.inputs)
        variants = judged([*_measured(subject, paths, sessions), *_told({**reasons, **failed})], gate)
        (winner,) = (variant.name for variant in variants if variant.verdict == PUBLISHED)
        if winner != FLOAT32:
            shutil.copyfile(paths[winner], subject.path)
    return variants


def _made(subject: Subject, gate: Gate, folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """The files by name, float32 first, and why others could not be made."""
    paths, reasons = {FLOAT32: subject.path}, {}
    for name in gate.candidates:
        try:
            _MAKERS[name](subject, folder / f"{name}.onnx")
            paths[name] = folder / f"{name}.onnx"
        except Exception as error:  # the tools raise whatever a graph leads them to
            reasons[name] = f"can't be made: {reason(error, name)}"
    return paths, reasons


def _opened(paths: Mapping[str, Path], inputs: Arrays) -> tuple[dict[str, ort.InferenceSession], dict[str, str]]:
    sessions, reasons = {}, {}
    for name, path in paths.items():
        try:
            session = opened(path)
            answers(session, {key: array[:2] for key, array in inputs.items()})
            sessions[name] = session
        except Exception as error:  # ONNX Runtime's have no common base but this
            reasons[name] = f"can't run here: {reason(error, name)}"
    return sessions, reasons


def _measured(
    subject: Subject, paths: Mapping[str, Path], sessions: Mapping[str, ort.InferenceSession]
) -> list[Variant]:
    times = timings(sessions, subject.rows.inputs)
    scores = {
        name: subject.score(answers(session, subject.rows.inputs), subject.rows.truths)
        for name, session in sessions.items()
    }
    return [_variant(name, paths[name], times[name], scores[name], scores[FLOAT32]) for name in sessions]


def _variant(name: str, path: Path, timing: Timing, score: float, before: float) -> Variant:
    size = path.stat().st_size
    return Variant(name, size, timing.milliseconds, round(timing.speedup, 3), score, before - score)


def _told(reasons: Mapping[str, str]) -> list[Variant]:
    return [Variant(name, verdict=reason) for name, reason in reasons.items()]


class _Bf16(nn.Module):
    """Weights and products in bf16, between inputs and outputs as they were."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = copy.deepcopy(module).to(torch.bfloat16)
        self.eval()

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        given = [each.to(torch.bfloat16) if each.is_floating_point() else each for each in inputs]
        returned = self.module(*given)
        outputs = (returned,) if isinstance(returned, Tensor) else returned
        return tuple(each.float() if each.is_floating_point() else each for each in outputs)


def export(served: Served, module: nn.Module, rows: Rows, path: Path) -> None:
    """`module` has the inputs and outputs of what is `served`."""
    batch = [torch.from_numpy(rows.inputs[spec.name][:2]) for spec in served.inputs]
    onnx.export(module, batch, path, served.inputs, [spec.name for spec in served.outputs])


_MAKERS: Mapping[str, Callable[[Subject, Path], None]] = {
    "int8-dynamic": lambda it, path: rounding.int8_dynamic(it.path, path),
    "int8-static": lambda it, path: rounding.int8_static(it.path, path, it.rows.some(_CALIBRATION_ROWS).inputs),
    "fp16": lambda it, path: rounding.fp16(it.path, path),
    "bf16": lambda it, path: export(it.served, _Bf16(it.served.module), it.rows, path),
    "pruned": lambda it, path: export(it.served, pruning.pruned(it.served.module), it.rows, path),
}
