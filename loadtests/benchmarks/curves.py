"""Goodput over load, and latency over throughput, a curve for each policy, as a picture.

Rule: matplotlib's objects only, since its `pyplot` keeps figures for the whole process.
"""

from collections.abc import Mapping
from pathlib import Path
from statistics import median

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from loadtests.benchmarks.fates import Figures

Found = Mapping[float, Mapping[str, list[Figures]]]
"""By load and policy, what each seed gave."""


COLOURS = {
    "fixed delay": "tab:blue",
    "preferred sizes": "tab:orange",
    "tuned queue timeout": "tab:green",
    "one tuned for each class": "tab:purple",
    "deadlines": "tab:red",
}


def draw(path: Path, scenarios: Mapping[str, Found]) -> None:
    """A row for each scenario. `path` ends in what the picture is: .png, .svg, .pdf."""
    figure = Figure(figsize=(11, 3.4 * len(scenarios)), layout="constrained")
    rows = figure.subplots(len(scenarios), 2, squeeze=False)
    for (goodputs, latencies), (name, found) in zip(rows, scenarios.items(), strict=True):
        for policy in next(iter(found.values())):
            runs = [by_policy[policy] for by_policy in found.values()]
            _curve(goodputs, policy, list(found), [_median(each, "goodput") for each in runs])
            _curve(
                latencies,
                policy,
                [_median(each, "throughput") for each in runs],
                [max(1.0, _median(each, "p99")) for each in runs],
            )
        _label(goodputs, f"{name}: answered in time, 1/s", "offered load, in capacities")
        _label(latencies, "99th percentile of what was answered, ms", "answered, 1/s")
        latencies.set_yscale("log")
        latencies.yaxis.set_major_formatter("{x:g}")
    figure.savefig(path, dpi=100)


def _median(runs: list[Figures], name: str) -> float:
    return float(median(getattr(it, name) for it in runs))


def _curve(axes: Axes, policy: str, across: list[float], up: list[float]) -> None:
    width = 3.0 if policy == "deadlines" else 1.2
    axes.plot(across, up, marker="o", markersize=3, linewidth=width, label=policy, color=COLOURS[policy])


def _label(axes: Axes, title: str, across: str) -> None:
    axes.set_title(title, fontsize="medium")
    axes.set_xlabel(across)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
