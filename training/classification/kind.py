"""Classifiers of one tensor a row: pictures, or numbers.

Rule: what is served takes raw inputs, and answers probabilities.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from torch import Tensor, nn

from serving.core.requests import Arrays, TensorSpec
from training.classification import explanations, findings, scores
from training.classification.task import ClassifierTask
from training.config import TrainConfig
from training.data.splits import Split, Splits, numbers
from training.kind import TEST, Example, Rows, Served
from training.models.classifier import Classifier
from training.models.probabilities import Probabilities
from training.report.section import Section
from training.settings import Value

PROBABILITIES, LABEL = "probabilities", "label"


def _no_files(_: Mapping[str, Any]) -> Mapping[str, bytes]:
    return {}


def _as_they_are(_: Mapping[str, Any]) -> Callable[[Tensor], Tensor]:
    return lambda features: features


@dataclass(frozen=True, slots=True)
class Classification:
    """`network` is made of hyper-parameters and facts, `shape` is that of a row, which `drawn` makes a file of, and
    `meaning` says what it is; `files` are those beside the model. `changed`, of facts, gives what becomes of features
    while training only."""

    read: Callable[[Path | None, Mapping[str, Value]], Splits]
    network: Callable[[Mapping[str, Any], Mapping[str, Any]], Classifier]
    shape: Callable[[Mapping[str, Any]], tuple[int, ...]]
    drawn: Callable[[np.ndarray, Mapping[str, Any]], Example]
    input_name: str
    meaning: Callable[[Mapping[str, Any]], str]
    files: Callable[[Mapping[str, Any]], Mapping[str, bytes]] = _no_files
    changed: Callable[[Mapping[str, Any]], Callable[[Tensor], Tensor]] = _as_they_are

    def load(self, source: Path | None, options: Mapping[str, Value]) -> Splits:
        return self.read(source, options)

    def task(self, data: Splits, hyperparameters: Mapping[str, Any], config: TrainConfig) -> ClassifierTask:
        return ClassifierTask(lambda: self.network(hyperparameters, data.facts), data, config, self.changed(data.facts))

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> nn.Module:
        return self.network(hyperparameters, facts)

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        labels = tuple(facts["labels"])
        return Served(
            Probabilities(model),
            inputs=(TensorSpec(self.input_name, "FP32", (-1, *self.shape(facts))),),
            outputs=(TensorSpec(PROBABILITIES, "FP32", (-1, len(labels))),),
            meaning=f"{self.input_name}: {self.meaning(facts)}",
            labels={PROBABILITIES: labels},
            files=self.files(facts),
        )

    def rows(self, data: Splits, part: str) -> Rows:
        split: Split = data.test if part == TEST else data.validation
        return Rows({self.input_name: numbers(split.features).numpy()}, {LABEL: split.labels.numpy()})

    def score(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Mapping[str, float]:
        return scores.scores(outputs[PROBABILITIES], truths[LABEL])

    def example(self, rows: Rows, outputs: Arrays, facts: Mapping[str, Any]) -> Example:
        clearest = scores.clearest(outputs[PROBABILITIES], rows.truths[LABEL])
        return self.drawn(rows.inputs[self.input_name][clearest], facts)

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        return scores.shown(outputs[PROBABILITIES], truths[LABEL], facts["labels"])

    def findings(self, served: Served, data: Splits, rows: Rows, answered: Arrays) -> Iterable[Section]:
        inputs, probabilities, labels = rows.inputs[self.input_name], answered[PROBABILITIES], rows.truths[LABEL]
        groups, columns, facts = data.test.groups, data.facts.get("columns", ()), data.facts
        yield from findings.sections(
            probabilities, labels, data.labels, groups, lambda row: self.drawn(inputs[row], facts)
        )
        yield explanations.explained(served.module, inputs, probabilities, data.labels, columns)
