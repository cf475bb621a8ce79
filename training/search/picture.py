"""A search as a picture: what each trial came to, the best so far, and the score over each parameter.

Rule: matplotlib's objects only, since its `pyplot` keeps figures for the whole process.
"""

from collections.abc import Collection
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from optuna.trial import FrozenTrial, TrialState

from training.search.space import Choice, Dimension, Space

_ACROSS = 3


def draw(path: Path, title: str, score: str, trials: Collection[FrozenTrial], space: Space) -> None:
    """`path` ends in what the picture is: .png, .svg, .pdf. Raises OSError."""
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    down = -(-(1 + len(space)) // _ACROSS)
    figure = Figure(figsize=(4 * _ACROSS, 3.2 * down), layout="constrained")
    first, *rest = [figure.add_subplot(down, _ACROSS, place + 1) for place in range(1 + len(space))]
    _history(first, complete, [trial for trial in trials if trial.state == TrialState.PRUNED])
    first.set_ylabel(score)
    for axes, (name, dimension) in zip(rest, space.items(), strict=True):
        _slice(axes, name, dimension, complete)
    figure.suptitle(title)
    figure.savefig(path, dpi=120)


def _history(axes: Axes, complete: list[FrozenTrial], pruned: list[FrozenTrial]) -> None:
    numbers, values = [trial.number for trial in complete], [trial.value or 0.0 for trial in complete]
    axes.scatter(numbers, values, label="trial")
    axes.step(numbers, list(accumulate(values, max)), where="post", color="tab:orange", label="best so far")
    for number, trial in enumerate(pruned):
        axes.axvline(trial.number, color="lightgrey", linestyle=":", label="pruned" if not number else None)
    axes.set_xlabel("trial")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")


def _slice(axes: Axes, name: str, dimension: Dimension, complete: list[FrozenTrial]) -> None:
    """Later trials are darker."""
    chosen = [trial.params[name] for trial in complete]
    if isinstance(dimension, Choice):
        places = [dimension.values.index(value) for value in chosen]
        axes.set_xticks(range(len(dimension.values)), [str(value) for value in dimension.values])
        axes.set_xlim(-0.5, len(dimension.values) - 0.5)
    else:
        places = chosen
        if dimension.log:
            axes.set_xscale("log")
            axes.xaxis.set_minor_formatter("")
    axes.scatter(places, [trial.value or 0.0 for trial in complete], c=range(len(complete)), cmap="Blues", vmin=-5)
    axes.set_xlabel(name)
    axes.grid(alpha=0.3)
