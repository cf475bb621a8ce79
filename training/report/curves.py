"""How a training went: loss and scores over its steps."""

from collections.abc import Iterable, Sequence

from training.report.section import Figure, Line, Lines, Section, Text
from training.state import Point


def section(history: Sequence[Point], best: int) -> Section:
    """`best` is the step whose weights were kept."""
    if not history:
        return Section("Learning curves", (Text("Nothing was noted of how the training went."),))
    steps = tuple(float(point.step) for point in history)
    losses = (
        Line("training", steps, tuple(point.train_loss for point in history)),
        Line("validation", steps, tuple(point.loss for point in history)),
    )
    first, last = history[0], history[-1]
    alt = (
        f"Loss over steps: on training rows from {first.train_loss:.3g} to {last.train_loss:.3g}, on validation rows "
        f"from {first.loss:.3g} to {last.loss:.3g}."
    )
    kept = Text(f"The weights are those after step {best:,} of {last.step:,}.")
    return Section("Learning curves", (kept, Figure(Lines("step", "loss", losses), alt), *_scores(history, steps)))


def _scores(history: Sequence[Point], steps: tuple[float, ...]) -> Iterable[Figure]:
    for name in history[-1].scores:
        values = tuple(point.scores.get(name, float("nan")) for point in history)
        title = name.replace("_", " ")
        alt = f"{title.capitalize()} on validation rows over steps: from {values[0]:.3g} to {values[-1]:.3g}."
        yield Figure(Lines("step", title, (Line("validation", steps, values),)), alt)
