"""Plots of one load test, as SVG in the page's own ink. Rule: each says in words what it shows and how to read it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from loadtests.outcomes import Fate
from loadtests.report.points import Percentiles, bins, percentiles, rates
from loadtests.result import Latencies, Result
from training.report.figures import COLOURS, INK, drawn
from training.report.section import Drawing

_WIDE = (8.4, 3.1)
_BLUE, _ORANGE, _GREEN, _PURPLE, _RED = COLOURS[:5]
_FATES = {Fate.REFUSED: _ORANGE, Fate.FAILED: _RED, Fate.LOST: _PURPLE, Fate.LATE: "#8a8f3c", Fate.UNSENT: "#888888"}


def percentile_curves(named: Sequence[tuple[str, Latencies]], alt: str, caption: str) -> Drawing:
    """Each with its name; the interval of the first one's p99 is drawn too."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        most, least = 100.0, np.inf
        for (name, latencies), colour in zip(named, COLOURS, strict=False):
            curve = percentiles(latencies)
            axes.plot(curve.beyond, curve.ms, color=colour, label=name, linewidth=1.8)
            if latencies.p99_interval and latencies is named[0][1]:
                axes.vlines(100, *latencies.p99_interval, color=colour, alpha=0.5, linewidth=5)
            most, least = max(most, float(latencies.count)), min(least, _fifth(curve))
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlim(1, most)
        axes.set_ylim(bottom=0.8 * least)
        axes.set(xlabel="percentile", ylabel="ms")
        _percentile_axis(axes, most)
        _plain(axes)
        if len(named) > 1:
            axes.legend(frameon=False, loc="upper left")

    return Drawing(drawn(_WIDE, draw), alt, caption)


def _fifth(curve: Percentiles) -> float:
    """p5, below which nobody looks."""
    return float(np.interp(100 / 95, curve.beyond, curve.ms))


def histogram(named: Sequence[tuple[str, Latencies]], caption: str = "") -> Drawing:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        for (name, latencies), colour in zip(named, COLOURS, strict=False):
            edges, counts = bins(latencies)
            share = counts / max(1.0, counts.sum()) * 100
            axes.stairs(share, edges, fill=True, color=colour, alpha=0.5 if len(named) > 1 else 0.8, label=name)
        if len(named) == 1:
            for word, value in (("p50", named[0][1].p50), ("p99", named[0][1].p99)):
                axes.axvline(value, color=INK, linewidth=0.8, linestyle=":")
                axes.annotate(f" {word}", (value, 1), xycoords=("data", "axes fraction"), va="top")
        else:
            axes.legend(frameon=False, loc="upper left")
        axes.set_xscale("log")
        axes.set(xlabel="ms", ylabel="% of requests")
        axes.set_ylim(top=1.12 * axes.get_ylim()[1])
        _plain(axes, axes.xaxis, axes.get_xlim())

    return Drawing(drawn((8.4, 2.6), draw), "How many requests took how long", caption)


def timeline(result: Result) -> Drawing:
    """Latencies above, rates below, on one axis of time."""

    def draw(figure: Figure) -> None:
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        marker = "." if len(result.moments) < 60 else ""
        for name, colour in (("maximum", _ORANGE), ("p99", _BLUE), ("p50", _GREEN)):
            values = [getattr(moment, name) or np.nan for moment in result.moments]
            above.plot(_middles(result), values, color=colour, label=name, marker=marker)
        above.set_yscale("log")
        above.set_ylabel("ms")
        _plain(above)
        above.legend(frameon=False, ncols=3, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
        _rates(below, result)
        below.set_xlabel("seconds since the load began")

    caption = (
        "Above, the latency of the requests that were meant to leave at that time; below, how many those were and how "
        "many of them were answered, however late. Latency that climbs and climbs is a server that can't keep up."
    )
    return Drawing(drawn((8.4, 4.4), draw), "Latency, rates and failures over time", caption)


def _rates(axes: Axes, result: Result) -> None:
    edges = _edges(result)
    offered, answered = rates(result.moments, result.span)
    widths = np.diff(edges) / result.span
    axes.stairs(offered / widths, edges, color=INK, alpha=0.7, linestyle="--", label="offered", baseline=None)
    axes.stairs(answered / widths, edges, color=_GREEN, label="answered", linewidth=1.6, baseline=None)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("requests/s")
    floor = np.zeros(len(result.moments))
    for fate, colour in _FATES.items():
        counts = np.array([moment.fates.get(fate, 0) for moment in result.moments], np.float64)
        if counts.any():
            top = floor + counts / result.span / widths
            axes.stairs(top, edges, baseline=floor, fill=True, color=colour, alpha=0.6, label=str(fate))
            floor = top
    axes.grid(alpha=0.2)
    axes.legend(frameon=False, ncols=4, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)


def _edges(result: Result) -> np.ndarray:
    """float64 [moments + 1]: the last one is cut where the load ended, as far as it was more than a moment."""
    at = np.array([moment.at for moment in result.moments])
    last = max(at[-1] + 0.05 * result.span, min(at[-1] + result.span, result.seconds))
    return np.append(at, last)


def _middles(result: Result) -> np.ndarray:
    edges = _edges(result)
    middles: np.ndarray = (edges[:-1] + edges[1:]) / 2
    return middles


def server_split(result: Result) -> Drawing:
    """Queue and compute of a request on average, and rows in a batch if it is told, second by second."""
    series = [entry for entry in result.server["series"] if "queue_ms" in entry]
    batched = any("batch" in entry for entry in series)

    def draw(figure: Figure) -> None:
        above, *below = figure.subplots(
            1 + batched, 1, sharex=True, height_ratios=(3, 2)[: 1 + batched], squeeze=False
        )[:, 0]
        at = [entry["at"] for entry in series]
        stacked = [[entry[name] for entry in series] for name in ("queue_ms", "compute_ms")]
        above.stackplot(at, *stacked, labels=("in the queue", "computing"), colors=(_ORANGE, _BLUE), alpha=0.75)
        above.set_ylabel("ms for a request")
        above.set_ylim(bottom=0)
        above.grid(alpha=0.2)
        above.legend(frameon=False, ncols=2, loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)
        for axes in below:
            rows = [entry.get("batch", np.nan) for entry in series]
            axes.plot(at, rows, color=_GREEN, marker="." if len(at) < 60 else "")
            axes.set_ylabel("rows in a batch")
            axes.set_ylim(bottom=0)
            axes.grid(alpha=0.2)
        (above, *below)[-1].set_xlabel("seconds since the load began")

    caption = (
        "As the server counts. Time in the queue that grows means too few instances for the rate; computing that grows "
        "means that the model itself got slower or its batches larger."
    )
    return Drawing(drawn((8.4, 3.8), draw), "Queue and compute, and batch sizes, over time", caption)


def batches(sizes: dict[str, int]) -> Drawing:
    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.bar(list(sizes), [count / sum(sizes.values()) * 100 for count in sizes.values()], color=_GREEN, width=0.7)
        axes.set(xlabel="rows in a batch", ylabel="% of batches")
        axes.grid(alpha=0.2, axis="y")

    return Drawing(drawn((8.4, 2.2), draw), "How large batches were", "Larger batches use the machine better.")


def throughput_curve(decision: dict[str, Any], limits: Sequence[float], mark: tuple[str, float] | None) -> Drawing:
    """p50 and p99 at each rate, the objectives' `limits` in milliseconds, and a rate with its name."""
    points = sorted(decision["points"], key=lambda point: point["offered"])

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        rates_of = [point["offered"] for point in points]
        for name, colour in (("p99", _BLUE), ("p50", _GREEN)):
            axes.plot(
                rates_of,
                [point[name] or np.nan for point in points],
                color=colour,
                label=name,
                marker="o",
                markersize=4,
            )
        missed = [point for point in points if point["held"] is False]
        if missed:
            axes.plot(
                [point["offered"] for point in missed],
                [point["p99"] or np.nan for point in missed],
                linestyle="", marker="x", markersize=9, color=_RED, label="objective missed",
            )  # fmt: skip
        for limit in limits:
            axes.axhline(limit, color=_RED, linewidth=1, linestyle="--", label=f"objective: {limit:g} ms")
        if mark:
            axes.axvline(mark[1], color=INK, linewidth=0.9, linestyle=":")
            axes.annotate(f" {mark[0]} ", (mark[1], 1), xycoords=("data", "axes fraction"), va="top", ha="right")
        axes.set_yscale("log")
        axes.set(xlabel="requests/s that came", ylabel="ms")
        _plain(axes)
        axes.legend(frameon=False, loc="upper left")

    caption = (
        "One point for each run. To the left more load costs little time; where the curve turns up, requests wait for "
        "one another, and more load only makes them wait longer."
    )
    return Drawing(drawn((8.4, 3.4), draw), "Latency at each rate", caption)


def _percentile_axis(axes: Axes, most: float) -> None:
    ticks = [1.0, 2.0] + [10.0**power for power in range(1, 9) if 10.0**power <= max(100.0, most)]
    axes.set_xticks(ticks, [f"{100 - 100 / tick:.10g}%" for tick in ticks])
    axes.xaxis.set_minor_formatter(NullFormatter())


def _plain(axes: Axes, axis: Axis | None = None, limits: tuple[float, float] | None = None) -> None:
    """Milliseconds as people write them, on the vertical axis unless another is given."""
    axis, (low, high) = axis or axes.yaxis, limits or axes.get_ylim()
    axis.set_major_locator(LogLocator(subs=(1.0,) if high > 300 * low else (1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(_number))
    axis.set_minor_formatter(NullFormatter())
    axes.grid(alpha=0.2)


def _number(value: float, _: object) -> str:
    return f"{value:g}"
