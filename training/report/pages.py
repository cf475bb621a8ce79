"""What is written of a training for people: a page, and a card.

Rule: a training never fails for its report; what can't be told is said where it would stand.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from training.checkpoint import CARD
from training.kind import Data, Reported, SlowlyScored
from training.recipes.recipe import Recipe
from training.report import curves, data_card, model_card
from training.report.intervals import Interval, resampled
from training.report.markdown import markdown
from training.report.model_card import Subject
from training.report.page import html
from training.report.section import Section, Text
from training.run import Outcome, restore
from training.run_files import PAGE

_RESAMPLES, _FEWEST = 200, 40
_MOST_ROWS = 4_000_000  # of a classifier, that are scored in all

log = logging.getLogger("slipway")


def pages(recipe: Recipe, data: Data, outcome: Outcome, environment: Mapping[str, Any]) -> dict[str, bytes]:
    """By file name; none where they can't be made, which the log says."""
    try:
        return _pages(recipe, data, outcome, environment)
    except Exception as error:  # hours of training are not lost for a plot
        log.warning("there is no report", exc_info=error)
        return {}


def _pages(recipe: Recipe, data: Data, outcome: Outcome, environment: Mapping[str, Any]) -> dict[str, bytes]:
    checkpoint = outcome.checkpoint
    served = restore(recipe, checkpoint)
    intervals = _intervals(recipe, outcome)
    subject = Subject(
        recipe.summary, checkpoint, served, data.card, len(outcome.rows), intervals, environment, recipe.data
    )
    title, lead = f"Model {checkpoint.model}", model_card.lead(subject)
    card = [model_card.model(subject), model_card.scores(subject), model_card.limits(subject)]
    learnt = curves.section(checkpoint.history, round(checkpoint.metrics["step"]))
    last = [data_card.section(data.card, checkpoint.data_fingerprint), model_card.training(subject)]
    kind = recipe.kind
    found = kind.findings(served, data, outcome.rows, outcome.answered) if isinstance(kind, Reported) else ()
    findings = list(_guarded(found))
    return {
        PAGE: html(title, lead, [*card, *findings, learnt, *last]),
        CARD: markdown(title, lead, [*card, *(section for section in findings if section.in_card), *last]),
    }


def _guarded(findings: Iterable[Section]) -> Iterator[Section]:
    try:
        yield from findings
    except Exception as error:  # a network may be anyone's
        log.warning("the report is not complete", exc_info=error)
        yield Section("Missing", (Text(f"The rest could not be told: {type(error).__name__}: {error}"),))


def _intervals(recipe: Recipe, outcome: Outcome) -> dict[str, Interval]:
    rows, answered, facts = outcome.rows, outcome.answered, outcome.checkpoint.facts
    times = resamples(len(rows), recipe.kind.row_cost if isinstance(recipe.kind, SlowlyScored) else 1)

    def score(chosen: np.ndarray) -> Mapping[str, float]:
        outputs, truths = ({name: array[chosen] for name, array in part.items()} for part in (answered, rows.truths))
        return recipe.kind.score(outputs, truths, facts)

    return resampled(score, len(rows), times) if times else {}


def resamples(rows: int, cost: int) -> int:
    """How many are drawn: fewer where scoring takes long, and none where it takes very long. No clock is asked, so that
    the same rows have the same intervals."""
    times = min(_RESAMPLES, _MOST_ROWS // max(1, rows * cost))
    return times if times >= _FEWEST else 0
