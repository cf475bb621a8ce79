"""Detectors: what they learn from, what is served of them, and how good that is.

Rule: what is served takes raw pixels and answers boxes in pixels, the best first.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from rich.console import RenderableType
from torch import nn

from serving.core.requests import Arrays, TensorSpec
from training.config import TrainConfig
from training.detection import coco, faults
from training.detection.average_precision import average_precision
from training.detection.options import Options
from training.detection.pictures import DetectionData
from training.detection.shown import LOOKED_AT, classes_table, clearest
from training.detection.task import DetectionTask
from training.enlarged import enlarged, png
from training.kind import TEST, Example, Rows, Served
from training.models.detections import Detections
from training.models.detector import Detector
from training.report.section import Section
from training.settings import Value

IMAGE = "image"
_AGREEMENT = 0.9  # boxes that are nearly as likely may change places
_TOLERANCE = 1e-4  # of a picture's side: a hundredth of a pixel


@dataclass(frozen=True, slots=True)
class Detection:
    """`own` makes the recipe's own data of its options."""

    row_cost: ClassVar[int] = 1000

    own: Callable[[Options, Mapping[str, Value]], DetectionData]

    def load(self, source: Path | None, options: Mapping[str, Value]) -> DetectionData:
        """Raises `InvalidData` and `InvalidConfig`."""
        checked = Options.of(options)
        return self.own(checked, options) if source is None else coco.load(source, checked)

    def task(self, data: DetectionData, hyperparameters: Mapping[str, Any], _: TrainConfig) -> DetectionTask:
        return DetectionTask(lambda: self.build(hyperparameters, data.facts), data)

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> nn.Module:
        return Detector(facts["channels"], classes=len(facts["labels"]), **hyperparameters)

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        side, boxes = facts["side"], facts["boxes"]
        return Served(
            Detections(model, boxes),
            inputs=(TensorSpec(IMAGE, "UINT8", (-1, facts["channels"], side, side)),),
            outputs=(
                TensorSpec("boxes", "FP32", (-1, boxes, 4)),
                TensorSpec("scores", "FP32", (-1, boxes)),
                TensorSpec("classes", "INT64", (-1, boxes)),
            ),
            meaning=f"{IMAGE}: raw pixels, 0 to 255, of a whole picture",
            labels={"classes": tuple(facts["labels"])},
            agreement=_AGREEMENT,
            tolerance=_TOLERANCE,
        )

    def rows(self, data: DetectionData, part: str) -> Rows:
        pictures = data.test if part == TEST else data.validation
        return Rows({IMAGE: pictures.pixels.numpy()}, pictures.truths())

    def score(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Mapping[str, float]:
        return average_precision(outputs, truths, len(facts["labels"]))

    def example(self, rows: Rows, outputs: Arrays, _: Mapping[str, Any]) -> Example:
        return Example("example.png", png(enlarged(rows.inputs[IMAGE][clearest(outputs, rows.truths)], LOOKED_AT)))

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        yield classes_table(outputs, truths, facts["labels"])

    def findings(self, _: Served, data: DetectionData, rows: Rows, answered: Arrays) -> Iterable[Section]:
        yield faults.section(rows.inputs[IMAGE], answered, rows.truths, len(data.facts["labels"]))
