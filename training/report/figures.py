"""Plots as SVG that stands in a page, in the page's own colour of ink, so that it can be read by day and by night.

Rule: matplotlib's objects only, since its `pyplot` keeps figures for the whole process; labels are users' texts, of
which nothing is taken for a formula.
"""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from training.report.section import Bars, Heatmap, Lines, Plot

INK = "#010203"  # stands for the page's colour, and for nothing else
COLOURS = ("#3b82c4", "#e07b39", "#3f9e6a", "#b05fc0", "#c94f5d", "#8a8f3c")
_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text, which can be searched and read aloud
    "svg.hashsalt": "slipway",
    "text.parse_math": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
}
_CLUTTER = re.compile(r"<metadata>.*?</metadata>|<\?xml.*?\?>|<!DOCTYPE.*?>|<!--.*?-->", re.DOTALL)
_IDS = re.compile(r' id="[A-Za-z0-9.]+_\d+"')  # of groups, the same in each picture; nothing refers to them
_SIZE = re.compile(r' width="([\d.]+)pt" height="[\d.]+pt"')
_SCALE = 1.4  # pixels a point
_LONGEST = 24  # characters of a label
_MOST_POINTS = 50  # that are told apart
_MOST_NUMBERS = 15  # in a heatmap's row


def svg(plot: Plot) -> str:
    """As wide as its place, up to a size at which its letters are as large as the page's small ones."""

    def draw(figure: Figure) -> None:
        axes = figure.subplots()
        axes.set_prop_cycle(color=COLOURS)
        if isinstance(plot, Lines):
            _lines(axes, plot)
        elif isinstance(plot, Bars):
            _bars(axes, plot)
        else:
            _heatmap(axes, plot)

    return drawn(_size(plot), draw)


def drawn(size: tuple[float, float], draw: Callable[[Figure], None]) -> str:
    """What `draw` makes of a figure of so many inches, of 72 points each."""
    with matplotlib.rc_context(_STYLE), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of letters that matplotlib's font lacks; the reader's has them
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        written = io.StringIO()
        figure.savefig(written, format="svg", transparent=True, metadata={"Date": None})
    text = _IDS.sub("", _CLUTTER.sub("", written.getvalue())).strip().replace(INK, "currentColor")
    return _SIZE.sub(lambda found: f' style="max-width: {_SCALE * float(found[1]):.0f}px"', text, count=1)


def _size(plot: Plot) -> tuple[float, float]:
    """In inches of 72 points."""
    if isinstance(plot, Heatmap):
        side = min(8.0, 2.5 + 0.3 * len(plot.labels))
        return side, side * 0.9
    if isinstance(plot, Bars):
        return (6.0, 0.8 + 0.25 * len(plot.labels)) if plot.are_lying else (6.0, 2.6)
    return (4.2, 3.6) if plot.is_share else (6.0, 2.8)


def _lines(axes: Axes, plot: Lines) -> None:
    for line in plot.lines:
        marker, style = "o" if len(line.x) < _MOST_POINTS else "", "" if plot.is_share else "-"
        axes.plot(line.x, line.y, marker=marker, linestyle=style, markersize=4, clip_on=False, label=_short(line.name))
        if line.low:
            axes.vlines(line.x, line.low, line.high, alpha=0.5, color=COLOURS[0])
    if plot.is_share:
        axes.plot((0, 1), (0, 1), linestyle=":", color=INK, alpha=0.5)
        axes.set(xlim=(0, 1), ylim=(0, 1))
    axes.set(xlabel=plot.x, ylabel=plot.y)
    axes.grid(alpha=0.2)
    if len(plot.lines) > 1:
        axes.legend(frameon=False)


def _bars(axes: Axes, plot: Bars) -> None:
    labels, width = [_short(label) for label in plot.labels], 0.8 / len(plot.series)
    for number, (name, values) in enumerate(plot.series):
        places = [place + number * width for place in range(len(labels))]
        if plot.are_lying:
            axes.barh(places, values, width, color=[COLOURS[0] if it >= 0 else COLOURS[1] for it in values])
        else:
            axes.bar(places, values, width, label=_short(name))
    middles = [place + width * (len(plot.series) - 1) / 2 for place in range(len(labels))]
    if plot.are_lying:
        axes.set_yticks(middles, labels)
        axes.invert_yaxis()
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlabel(plot.axis)
        return
    is_crowded = sum(map(len, labels)) > 60
    axes.set_xticks(middles, labels, rotation=60 if is_crowded else 0, ha="right" if is_crowded else "center")
    axes.set_ylabel(plot.axis)
    if len(plot.series) > 1:
        axes.legend(frameon=False)


def _heatmap(axes: Axes, plot: Heatmap) -> None:
    """A row's colours are shares of that row, so that rare classes can be seen too."""
    count = range(len(plot.labels))
    shares = [[cell / max(1, sum(row)) for cell in row] for row in plot.cells]
    axes.pcolormesh(shares, cmap="Blues", vmin=0, vmax=1, rasterized=False, edgecolors="none")
    middles = [place + 0.5 for place in count]
    labels = [_short(label) for label in plot.labels]
    axes.set_xticks(middles, labels, rotation=60 if max(map(len, labels)) > 3 else 0)
    axes.set_yticks(middles, labels)
    axes.invert_yaxis()
    axes.set(xlabel=plot.columns, ylabel=plot.rows, aspect="equal")
    axes.tick_params(length=0)
    if len(plot.labels) <= _MOST_NUMBERS:
        for row in count:
            for column in count:
                _number(axes, row, column, plot.cells[row][column], shares[row][column])


def _number(axes: Axes, row: int, column: int, cell: int, share: float) -> None:
    if cell:
        ink = "white" if share > 0.5 else "#102a43"
        axes.text(column + 0.5, row + 0.5, f"{cell}", ha="center", va="center", color=ink, fontsize=8)


def _short(label: str) -> str:
    return label if len(label) <= _LONGEST else f"{label[: _LONGEST - 1]}…"
