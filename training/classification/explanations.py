"""Which of its inputs made a classifier answer as it did, by Captum.

Rule: what is explained is the probability that the served model gives, as it gives it; without Captum, or for inputs
that can't be explained, a line says so.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from training.classification.overlay import overlaid
from training.report.section import Bars, Figure, Part, Picture, Pictures, Section, Text

Column = Mapping[str, Any]

ROWS = 6
_MOST_COLUMNS = 12
_STEPS = 32  # of the integral
_ORDERS = 25  # in which columns are told, for Shapley's values
_ROWS = 64  # at a time
_TYPICAL = 256  # rows
_PICTURE, _TABLE = 3, 1  # dimensions of a row

TITLE = "Why it answers so"
NO_CAPTUM = "Explanations are missing: captum is not installed (pip install 'slipway-serving[report]')."


def explained(
    module: nn.Module, rows: np.ndarray, probabilities: np.ndarray, names: Sequence[str], columns: Sequence[Column]
) -> Section:
    """Of a few rows: those it is surest of, of different answers, and the least sure one. `module` takes `rows` and
    answers `probabilities`; `columns` are those of a table, as columns.json has them, or none."""
    try:
        import captum.attr  # noqa: F401 (optional)
    except ImportError:
        return Section(TITLE, (Text(NO_CAPTUM),))
    chosen = telling(probabilities)
    answers = probabilities.argmax(axis=1)
    told = {row: f"{names[answers[row]]}, {probabilities[row, answers[row]]:.1%} sure" for row in chosen}
    if rows.dtype == np.float32 and rows.ndim - 1 == _PICTURE and rows.shape[1] in (1, 3):
        return Section(TITLE, tuple(_pictures(module, rows, answers, told)))
    if rows.dtype == np.float32 and rows.ndim - 1 == _TABLE:
        return Section(TITLE, tuple(_table(module, rows, answers, told, columns)))
    return Section(TITLE, (Text("There is no explanation for inputs of this kind yet."),))


def telling(probabilities: np.ndarray) -> list[int]:
    """Rows worth a look: the surest of each answer, the most frequent answers first, and then the least sure one."""
    answers, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    frequent = np.argsort(-np.bincount(answers), kind="stable")
    surest = [int(np.where(answers == answer, sure, -1.0).argmax()) for answer in frequent if (answers == answer).any()]
    return list(dict.fromkeys([*surest[: ROWS - 1], int(sure.argmin())]))


def _pictures(module: nn.Module, rows: np.ndarray, answers: np.ndarray, told: dict[int, str]) -> Iterable[Part]:
    from captum.attr import IntegratedGradients, Saliency

    chosen, targets = _tensors(rows, answers, told)
    paper = torch.zeros_like(chosen)
    saliency = Saliency(module).attribute(chosen, target=targets)
    gradients = IntegratedGradients(module).attribute(
        chosen, paper, target=targets, n_steps=_STEPS, internal_batch_size=_ROWS
    )
    for name, found, what in (
        ("Saliency", saliency, "pixels in red are those of which a small change would change the probability most."),
        (
            "Integrated gradients",
            gradients,
            "red pixels made the answer more probable than it is for a black picture, blue ones less.",
        ),
    ):
        yield Text(f"{name}: {what}")
        pairs = zip(told.items(), rows[list(told)], found.detach().numpy(), strict=True)
        yield Pictures(
            tuple(
                Picture(overlaid(pixels, weights), f"Row {row}, answer {answer}, {name}", f"answer {answer}")
                for (row, answer), pixels, weights in pairs
            )
        )


def _table(
    module: nn.Module, rows: np.ndarray, answers: np.ndarray, told: dict[int, str], columns: Sequence[Column]
) -> Iterable[Part]:
    method = _attributed(module, rows, columns)
    typical = torch.from_numpy(_typical(rows))[None]
    chosen, targets = _tensors(rows, answers, told)
    yield Text(
        "How much each column moved the probability of the answer from that for a typical row, which has each column's "
        "middle value. All bars of a row together are the whole way from there."
    )
    for (row, answer), tensor, target in zip(told.items(), chosen, targets, strict=True):
        weights = method(tensor[None], typical, int(target))[0].detach().numpy()
        order = np.argsort(-np.abs(weights), kind="stable")[:_MOST_COLUMNS]
        labels = tuple(_value(columns, place, float(rows[row, place])) for place in order)
        values = tuple(float(weights[place]) for place in order)
        told_by = "; ".join(f"{label}: {value:+.3f}" for label, value in zip(labels, values, strict=True))
        bars = Bars(labels, ((answer, values),), f"answer {answer}", are_lying=True)
        yield Figure(bars, f"Answer {answer}. {told_by}.")


def _value(columns: Sequence[Column], place: int, number: float) -> str:
    """Such as `age = 3`, `colour = red`."""
    column: Column = columns[place] if columns else {"name": f"column {place + 1}"}
    if np.isnan(number):
        return f"{column['name']} is missing"
    values = column.get("values")
    if not values:
        return f"{column['name']} = {number:.4g}"
    return f"{column['name']} = {values[int(number)] if 0 <= number < len(values) else 'something else'}"


def _attributed(
    module: nn.Module, rows: np.ndarray, columns: Sequence[Column]
) -> Callable[[Tensor, Tensor, int], Tensor]:
    """Integrated gradients where every value is a number; where some are missing, or stand for categories, Shapley's
    values, which need no gradient. Both add up to the same."""
    from captum.attr import IntegratedGradients, ShapleyValueSampling

    if np.isfinite(rows).all() and not any(column.get("values") for column in columns):
        gradients = IntegratedGradients(module)
        return lambda row, typical, target: gradients.attribute(row, typical, target=target, n_steps=_STEPS)
    values = ShapleyValueSampling(module)

    def sampled(row: Tensor, typical: Tensor, target: int) -> Tensor:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            found = values.attribute(row, typical, target=target, n_samples=_ORDERS, perturbations_per_eval=_ROWS)
        return cast(Tensor, found)

    return sampled


def _typical(rows: np.ndarray) -> np.ndarray:
    """A value of each column that a row has, so that a category is one; the middle one of those that are known."""
    return np.array([_middle(column) for column in rows[:_TYPICAL].T], np.float32)


def _middle(column: np.ndarray) -> float:
    known = np.sort(column[~np.isnan(column)])
    return float(known[len(known) // 2]) if len(known) else float("nan")


def _tensors(rows: np.ndarray, answers: np.ndarray, told: Iterable[int]) -> tuple[Tensor, Tensor]:
    chosen = list(told)
    return torch.from_numpy(rows[chosen]).requires_grad_(), torch.from_numpy(answers[chosen])
