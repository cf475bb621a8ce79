"""Models that recommend what a user may want next.

Rule: what a user has is not recommended; that, and the choice of the best, is in what is served.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import RenderableType
from torch import nn

from serving.core.requests import Arrays, TensorSpec
from serving.protocols.recommend import HISTORY, ITEMS, SCORES
from training.config import TrainConfig, check
from training.display import comparison_table
from training.kind import TEST, Example, Rows, Served
from training.models.recommender import Recommender
from training.models.two_towers import TwoTowers
from training.recommendation.histories import Histories, cleaned
from training.recommendation.interactions import Options, read
from training.recommendation.scores import popularity_scores, ranking_scores
from training.recommendation.task import RecommenderTask
from training.report.section import Section, Table, Text
from training.settings import Value

_FOLLOWING, _KNOWN = "following", "known"
_SHOWN = 3  # users, and items of each list
_MISSED = 20  # users that a report tells of
_AGREEMENT = 0.98  # of rows: two items may be as likely, and are then in either order


@dataclass(frozen=True, slots=True)
class Recommendation:
    def load(self, source: Path | None, options: Mapping[str, Value]) -> Histories:
        wanted = Options.of(options)
        return cleaned(read(source, wanted), str(source or "made-up customers of a made-up shop"), wanted)

    def task(self, data: Histories, hyperparameters: Mapping[str, Any], _: TrainConfig) -> RecommenderTask:
        build, length = (lambda: self.build(hyperparameters, data.facts)), data.facts["length"]
        return RecommenderTask(build, data, length, hyperparameters["best"])

    def build(self, hyperparameters: Mapping[str, Any], facts: Mapping[str, Any]) -> TwoTowers:
        """Raises `InvalidConfig`."""
        best = hyperparameters["best"]
        check("model.best", best, best >= 1, "at least 1")
        return TwoTowers(len(facts["labels"]), facts["length"], **hyperparameters)

    def served(self, model: nn.Module, facts: Mapping[str, Any]) -> Served:
        assert isinstance(model, TwoTowers)
        listed = min(model.best, model.items)
        return Served(
            Recommender(model).eval(),
            inputs=(TensorSpec(HISTORY, "INT64", (-1, model.length)),),
            outputs=(TensorSpec(ITEMS, "INT64", (-1, listed)), TensorSpec(SCORES, "FP32", (-1, listed))),
            meaning="history: a user's items as lines of labels.txt, from 0, the newest last; -1 for nothing, in front",
            labels={ITEMS: tuple(facts["labels"])},
            agreement=_AGREEMENT,
        )

    def rows(self, data: Histories, part: str) -> Rows:
        """Each user's items but the last, which is what is to be found."""
        users = data.test if part == TEST else data.validation
        history = users.before(users.lasts(), data.facts["length"])
        return Rows({HISTORY: history}, {_FOLLOWING: users.items[users.lasts()], _KNOWN: history})

    def score(self, outputs: Arrays, truths: Arrays, _: Mapping[str, Any]) -> Mapping[str, float]:
        return ranking_scores(outputs[ITEMS], truths[_FOLLOWING])

    def example(self, rows: Rows, outputs: Arrays, facts: Mapping[str, Any]) -> Example:
        row = _clear(outputs[ITEMS], rows.truths[_FOLLOWING])[0]
        body = {"inputs": _names(rows.inputs[HISTORY][row], facts["labels"]), "parameters": {"top_k": 5}}
        return Example("example.json", json.dumps(body).encode())

    def shown(self, outputs: Arrays, truths: Arrays, facts: Mapping[str, Any]) -> Iterable[RenderableType]:
        lists, following, known = outputs[ITEMS], truths[_FOLLOWING], truths[_KNOWN]
        model, popular = (
            ranking_scores(lists, following),
            popularity_scores(facts["popular"], known, following, lists.shape[1]),
        )
        yield comparison_table({"this model": model, "what most have": popular})
        for row in _clear(lists, following)[:_SHOWN]:
            had, best = (_names(array, facts["labels"]) for array in (known[row][-_SHOWN:], lists[row][:_SHOWN]))
            yield f"after {', '.join(had)}: {', '.join(best)}"

    def findings(self, _: Served, data: Histories, rows: Rows, answered: Arrays) -> Iterable[Section]:
        lists, following, labels = answered[ITEMS], rows.truths[_FOLLOWING], data.facts["labels"]
        missed = np.flatnonzero((lists != following[:, None]).all(axis=1))
        shown = tuple(
            (
                ", ".join(_names(rows.truths[_KNOWN][row][-_SHOWN:], labels)),
                ", ".join(_names(lists[row][:_SHOWN], labels)),
                labels[following[row]],
            )
            for row in missed[:_MISSED]
        )
        told = Text(f"Of {len(following)} users {len(missed)} came to something that was not in their list.")
        table = Table(("had last", "was recommended first", "came to"), shown)
        yield Section("Missed", (told, *((table,) if shown else ())))


def _clear(lists: np.ndarray, following: np.ndarray) -> list[int]:
    """The rows whose next item comes first in their list, then the others."""
    return np.argsort(lists[:, 0] != following, kind="stable").tolist()  # type: ignore[no-any-return]


def _names(numbers: np.ndarray, labels: Sequence[str]) -> list[str]:
    return [labels[number] for number in numbers.tolist() if number >= 0]
