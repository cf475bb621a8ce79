"""Throughput and latency over batch size, a curve for each setting, as a picture.

Rule: matplotlib's objects only, since its `pyplot` keeps figures for the whole process.
"""

from collections.abc import Collection
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from serving.scheduling.tuning import Measured, Setting, Tuning

_MOST_CURVES = 8


def draw(path: Path, title: str, measured: Collection[Measured], tuning: Tuning) -> None:
    """The chosen setting's curve is thick; of many settings, those with the highest rates. `path` ends in what the
    picture is: .png, .svg, .pdf. Raises `OSError`, and `ValueError` for an ending that is none."""
    figure = Figure(figsize=(11, 4.5), layout="constrained")
    rates, times = figure.subplots(1, 2)
    for peak in tuning.peaks[:_MOST_CURVES]:
        points = sorted((it for it in measured if it.setting == peak.setting), key=lambda it: it.rows)
        _curve(rates, peak.setting, [it.rows for it in points], [it.rate for it in points], tuning)
        _curve(times, peak.setting, [it.rows for it in points], [it.seconds * 1000 for it in points], tuning)
    if tuning.question.objective:
        limit = tuning.question.longest_batch * 1000
        times.axhline(limit, linestyle=":", color="grey", label=f"half of the objective: {limit:g} ms")
    rates.set_title("rows a second")
    times.set_title("milliseconds a batch")
    times.set_yscale("log")
    rates.yaxis.set_major_formatter("{x:,.0f}")
    times.yaxis.set_major_formatter("{x:g}")
    times.yaxis.set_minor_formatter("{x:g}")
    for axes in (rates, times):
        _label(axes, sorted({it.rows for it in measured}))
    figure.suptitle(title)
    figure.savefig(path, dpi=120)


def _curve(axes: Axes, setting: Setting, rows: list[int], values: list[float], tuning: Tuning) -> None:
    is_chosen = setting == tuning.setting
    label = f"{setting}, chosen" if is_chosen else str(setting)
    axes.plot(rows, values, marker="o", linewidth=3 if is_chosen else 1.2, label=label)


def _label(axes: Axes, sizes: list[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(sizes, [str(size) for size in sizes])
    axes.set_xlabel("rows in a batch")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
