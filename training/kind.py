"""What differs among models: their data, how they are trained, and what is served of them.

Rule: what a person is told, what gates decide by and what a client finds over HTTP are one definition, `Kind.score`, of
what the served model answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar, runtime_checkable

import numpy as np
from rich.console import RenderableType
from torch import nn

from serving.core.generation_config import TEXT_INPUT, TEXT_OUTPUT
from serving.core.requests import Arrays, TensorSpec
from training.config import TrainConfig
from training.data.card import Card
from training.report.section import Section
from training.settings import Value
from training.task import Task

TEST, VALIDATION = "test", "validation"

TEXTS = (TensorSpec(TEXT_INPUT, "BYTES", (1,)),), (TensorSpec(TEXT_OUTPUT, "BYTES", (1,)),)
"""What clients send to models that write, and get."""


class Data(Protocol):
    """What was read, cleaned and split."""

    @property
    def facts(self) -> Mapping[str, Any]:
        """In JSON's types: what rebuilds and serves the model beside its hyper-parameters, such as its labels."""

    @property
    def card(self) -> Card: ...

    def fingerprint(self) -> str:
        """SHA-256 over every tensor: equal only for the same rows, split and ordered the same way."""


DataT = TypeVar("DataT", bound=Data)
ReportedT = TypeVar("ReportedT", contravariant=True)


@dataclass(frozen=True, slots=True)
class Rows:
    """Held-out rows as a client would send them, by the names of the served model's inputs, and the numbers that say
    what is true of each. First dimensions are rows."""

    inputs: Arrays
    truths: Arrays

    def __len__(self) -> int:
        return len(next(iter(self.inputs.values())))

    def some(self, count: int) -> "Rows":
        """So many, or all where there are fewer, from all over: data may be sorted, such as by class."""
        return self.at(spread(len(self), count))

    def at(self, chosen: np.ndarray) -> "Rows":
        return Rows(*({name: array[chosen] for name, array in part.items()} for part in (self.inputs, self.truths)))


def spread(rows: int, count: int) -> np.ndarray:
    """The numbers of `count` of `rows`, or of all where there are fewer, evenly spaced."""
    return np.linspace(0, rows - 1, min(rows, count)).round().astype(np.int64)


@dataclass(frozen=True, slots=True)
class Served:
    """What is exported and published. `module` takes tensors in the order of `inputs` and gives one, or a tuple, in
    that of `outputs`; it is in evaluation mode. Shapes have the batch dimension, -1, first; where inputs have another
    -1 at the same place, they have the same size there."""

    module: nn.Module
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    meaning: str
    """What a client sends, in a few words."""
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of classes, by the output that they are in."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """Of config.pbtxt."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """Beside the model, in the version's folder."""
    agreement: float = 1.0
    """Least share of rows on which an exported file must answer as PyTorch does; ranks have ties."""
    tolerance: float = 1e-5
    """Of an output's largest number, where that is above 1."""
    asked: tuple[TensorSpec, ...] = ()
    """What clients send where they don't send `inputs`, and are `told` in place of `outputs`: models that write have
    these to be judged by."""
    told: tuple[TensorSpec, ...] = ()
    limits: tuple[str, ...] = ()
    """Of all models of the kind, for people, a sentence or two each."""


@dataclass(frozen=True, slots=True)
class Example:
    """A file with one row that a person can send to the server."""

    name: str
    content: bytes


class Kind(Protocol[DataT]):
    def load(self, source: Path | None, options: Mapping[str, Value]) -> DataT:
        """The user's own data, or the recipe's where `source` is None. Raises `InvalidData`."""

    def task(self, data: DataT, hyperparameters: Mapping[str, Any], config: TrainConfig) -> Task[Any, Any]: ...

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> nn.Module:
        """The trained network, before it has its weights."""

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served: ...

    def rows(self, data: DataT, part: str) -> Rows:
        """Those of `TEST` or `VALIDATION`."""

    def score(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Mapping[str, float]:
        """Of what the served model answers; the first is the one that counts, and more of it is better but of
        `LESS_IS_BETTER`."""

    def example(self, rows: Rows, outputs: Arrays, facts: Mapping[str, Any]) -> Example:
        """A row that the model does well on."""

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        """What a person sees of it after the training."""


@runtime_checkable
class Writing(Protocol):
    """A kind whose models write a token after the other, which takes more than one graph."""

    package: ClassVar[str]
    """The module that publishes them, by `publish(recipe, checkpoint, directory, weights)`."""
    weights: ClassVar[tuple[str, ...]]
    """That their files may have."""


@runtime_checkable
class SlowlyScored(Protocol):
    """A kind whose score takes many times as long for a row as that of a classifier."""

    row_cost: ClassVar[int]
    """About how many times; whatever the machine is, so that a report is the same on each."""


@runtime_checkable
class Reported(Protocol[ReportedT]):
    """A kind that has more to say of a model, in its report, than numbers."""

    def findings(self, served: Served, data: ReportedT, rows: Rows, answered: Arrays) -> Iterable[Section]:
        """`answered` is what `served` answers for the test `rows`; one section after the other is asked for."""
