"""Models that make pictures of a class from noise.

Rule: the whole way from noise to pixels is in what is served; held-out pictures say how good what is made is, and are
never learnt from.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from rich.console import RenderableType
from torch import nn

from serving.core.requests import Arrays, TensorSpec
from serving.protocols.openai_images import IMAGE, LABEL, NOISE
from training.config import TrainConfig, check
from training.data.splits import Split, Splits
from training.display import comparison_table
from training.images.loading import load
from training.images.picture import drawn
from training.kind import TEST, Example, Rows, Served, spread
from training.models.picture_flow import PictureFlow
from training.models.picture_sampler import PictureSampler
from training.pictures.judge import judge
from training.pictures.shown import side_by_side
from training.pictures.task import PictureTask
from training.report.section import Picture, Pictures, Section, Text
from training.settings import Value

_SEED = 1  # of the noise that test rows have
_MOST_ROWS = 500
_MADE, _MOST_MADE = 4, 60  # of each label, and in all, that a report shows
_KNOWN = 8  # at most, of the pictures that were learnt from beside each held-out one


@dataclass(frozen=True, slots=True)
class PictureMaking:
    """`names` are what the recipe's own data show, as people may ask for it; the user's own have their folders'."""

    row_cost: ClassVar[int] = 250

    names: Sequence[str]

    def load(self, source: Path | None, options: Mapping[str, Value]) -> Splits:
        splits = load(source, options)
        return splits if source else replace(splits, facts={**splits.facts, "labels": list(self.names)})

    def task(self, data: Splits, hyperparameters: Mapping[str, Any], _: TrainConfig) -> PictureTask:
        return PictureTask(lambda: self.build(hyperparameters, data.facts), data)

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> PictureFlow:
        """Raises `InvalidConfig`."""
        steps, guidance = hyperparameters["steps"], hyperparameters["guidance"]
        check("model.steps", steps, 1 <= steps <= 100, "from 1 to 100")
        check("model.guidance", guidance, 0 <= guidance <= 100, "from 0 to 100")
        return PictureFlow(int(np.prod(_shape(facts))), len(facts["labels"]), **hyperparameters)

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        assert isinstance(model, PictureFlow)
        shape = _shape(facts)
        return Served(
            PictureSampler(model, shape).eval(),
            inputs=(TensorSpec(LABEL, "INT64", (-1, 1)), TensorSpec(NOISE, "FP32", (-1, *shape))),
            outputs=(TensorSpec(IMAGE, "FP32", (-1, *shape)),),
            meaning="label: the line of labels.txt, from 0, that is to be seen; noise: normally distributed numbers",
            labels={IMAGE: tuple(facts["labels"])},
        )

    def rows(self, data: Splits, part: str) -> Rows:
        """For each held-out picture noise to make one of the same label from."""
        split = data.test if part == TEST else data.validation
        chosen = spread(len(split), _MOST_ROWS)
        labels, real = split.labels.numpy()[chosen], _bytes(split.features.numpy()[chosen])
        noise = np.random.Generator(np.random.PCG64(_SEED)).standard_normal(real.shape, np.float32)
        return Rows(
            {LABEL: labels[:, None], NOISE: noise}, {LABEL: labels, "real": real, "known": _known(data.train, labels)}
        )

    def score(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Mapping[str, float]:
        return judge(outputs[IMAGE], truths[LABEL], truths["real"], truths["known"])

    def example(self, rows: Rows, _: Arrays, __: Mapping[str, Any]) -> Example:
        return Example(
            "tensors.json", json.dumps({name: array[0].tolist() for name, array in rows.inputs.items()}).encode()
        )

    def shown(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Iterable[RenderableType]:
        labels = truths[LABEL].tolist()
        yield from side_by_side([outputs[IMAGE][labels.index(label)] for label in sorted(set(labels))])
        real, known = truths["real"], truths["known"]
        columns = {"this model": outputs[IMAGE], "real ones, held out": real, "real ones, learnt from": known[:, 0]}
        yield comparison_table({name: judge(it, truths[LABEL], real, known) for name, it in columns.items()})

    def findings(self, _: Served, data: Splits, rows: Rows, answered: Arrays) -> Iterable[Section]:
        """The first pictures of each label that were made, from noise that was not chosen."""
        labels, names = rows.truths[LABEL], data.facts["labels"]
        chosen = [row for label in np.unique(labels) for row in np.flatnonzero(labels == label)[:_MADE].tolist()]
        shown = tuple(
            Picture(
                drawn(answered[IMAGE][row], data.facts).content, f"Made for {names[labels[row]]}", names[labels[row]]
            )
            for row in chosen[:_MOST_MADE]
        )
        yield Section("What it makes", (Text("Not chosen: the first ones of each label."), Pictures(shown)))


def _shape(facts: Mapping[str, Any]) -> tuple[int, int, int]:
    return facts["channels"], facts["side"], facts["side"]


def _bytes(pixels: np.ndarray) -> np.ndarray:
    whole: np.ndarray = np.rint(pixels).astype(np.uint8)
    return whole


def _known(train: Split, labels: np.ndarray) -> np.ndarray:
    """Uint8 [rows, k, ...]: beside each label pictures of it that were learnt from, all of them where there is room."""
    pools = {label: np.flatnonzero(train.labels.numpy() == label) for label in sorted(set(labels.tolist()))}
    each = min(_KNOWN, max(math.ceil(len(pool) / (labels == label).sum()) for label, pool in pools.items()))
    places = [np.arange(place * each, (place + 1) * each) for place in _places(labels)]
    chosen = [pools[label][at % len(pools[label])] for label, at in zip(labels.tolist(), places, strict=True)]
    return _bytes(train.features.numpy()[np.stack(chosen)])


def _places(labels: np.ndarray) -> list[int]:
    """Of each row, how many of the same label were before it."""
    return [int((labels[:row] == label).sum()) for row, label in enumerate(labels.tolist())]
