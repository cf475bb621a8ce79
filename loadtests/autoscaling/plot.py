"""How it went, as a picture. Rule: each outcome has replicas, and below them requests in time, over the same time."""

import io
from collections.abc import Mapping
from math import ceil

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtests.autoscaling.simulation import Outcome
from loadtests.autoscaling.verdict import enough, shares

_SPAN = 10.0  # seconds
_BLUE, _ORANGE, _GREEN = "#3b82c4", "#e07b39", "#3f9e6a"


def drawn(
    outcomes: Mapping[str, Outcome],
    limit: float,
    capacity: float,
    percent: float,
    kind: str = "svg",
    columns: int = 3,
) -> bytes:
    """One beside the other, by what each is called. `percent` of all requests are to be within `limit` seconds."""
    columns = min(columns, len(outcomes))
    rows = ceil(len(outcomes) / columns)
    figure = Figure(figsize=(4.6 * columns, 3.3 * rows), layout="constrained")
    grid = figure.subplots(2 * rows, columns, squeeze=False, height_ratios=[2, 1] * rows)
    for number, (name, outcome) in enumerate(outcomes.items()):
        row, column = 2 * (number // columns), number % columns
        _replicas(grid[row][column], outcome, capacity, name)
        _in_time(grid[row + 1][column], outcome, limit, percent)
    for number in range(len(outcomes), rows * columns):
        for axes in (
            grid[2 * (number // columns)][number % columns],
            grid[2 * (number // columns) + 1][number % columns],
        ):
            axes.set_axis_off()
    grid[0][0].legend(frameon=False, fontsize=8)
    page = io.BytesIO()
    figure.savefig(page, format=kind, dpi=110)
    return page.getvalue()


def _replicas(axes: Axes, outcome: Outcome, capacity: float, name: str) -> None:
    needed = enough(np.array(outcome.arrivals), capacity, _SPAN)
    minutes = np.array([look.at for look in outcome.looks]) / 60
    axes.stairs(needed, np.arange(len(needed) + 1) * _SPAN / 60, fill=True, color=_GREEN, alpha=0.35, label="needed")
    axes.plot(minutes, [look.asked for look in outcome.looks], color=_ORANGE, linewidth=1, label="asked for")
    axes.plot(minutes, [look.replicas for look in outcome.looks], color=_BLUE, linewidth=1.6, label="ready")
    axes.set_title(name, fontsize=9)
    axes.set_ylabel("replicas", fontsize=8)
    axes.set_ylim(bottom=0)
    _plain(axes)


def _in_time(axes: Axes, outcome: Outcome, limit: float, percent: float) -> None:
    found = shares(np.array(outcome.arrivals), np.array(outcome.latencies) <= limit, _SPAN)
    axes.plot(np.array(list(found)) / 60, 100 * np.array(list(found.values())), color=_BLUE, linewidth=1.2)
    axes.axhline(percent, color="#888888", linewidth=0.8, linestyle="--")
    axes.set_ylabel("% in time", fontsize=8)
    axes.set_xlabel("minutes", fontsize=8)
    axes.set_ylim(0, 103)
    _plain(axes)


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)
