"""What people see while a load runs: the same figures as a panel in a terminal and as a line in a log.

Rule: only spans of time that are over are shown beside the whole, since those that go on look like a drop.
"""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from loadtests.histogram import Histogram
from loadtests.outcomes import Fate
from loadtests.run import Progress
from loadtests.sparkline import sparkline
from loadtests.tally import Span, Tally

_LAST = 5  # spans
_PERCENTILES = (50.0, 90.0, 99.0, 100.0)


def panel(progress: Progress, title: str) -> RenderableType:
    tally, over = progress.tally, _over(progress)
    passed = max(progress.passed, 1e-9)
    last = over[-_LAST:]
    grid = Table.grid(padding=(0, 3))
    grid.add_row(*_clock(progress, title))
    figures = Table("", "a second", "answered", "p50", "p90", "p99", "longest", box=None, pad_edge=False)
    due = (tally.requests + progress.under_way) / passed
    figures.add_row("so far", f"{due:.4g}", *_row(len(tally.latency) / passed, tally.latency))
    if last:
        seconds = len(last) * tally.span
        merged = _merged(last)
        figures.add_row(f"last {seconds:g} s", "", *_row(len(merged) / seconds, merged))
    return Group(grid, figures, *_lines(progress, over))


def line(progress: Progress) -> str:
    """For a log."""
    tally, passed = progress.tally, max(progress.passed, 1e-9)
    failed = ", ".join(_failures(tally))
    due = (tally.requests + progress.under_way) / passed
    answered = f"{len(tally.latency) / passed:.4g} answered{f' ({failed})' if failed else ''}"
    return (
        f"{progress.passed:5.1f} of {progress.seconds:g} s  {due:.4g} a second, {answered}, "
        f"{progress.under_way} under way  p50 {_ms(tally.latency, 50)} ms  p99 {_ms(tally.latency, 99)} ms  "
        f"longest {_ms(tally.latency, 100)} ms"
    )


def _clock(progress: Progress, title: str) -> tuple[RenderableType, ...]:
    if progress.passed < 0:
        return Text(title, "bold"), Text("warming up", "dim")
    left = max(0.0, progress.seconds - progress.passed)
    bar = ProgressBar(total=progress.seconds, completed=min(progress.passed, progress.seconds), width=30)
    words = f"{progress.passed:.0f} s, {left:.0f} s left" if left else "waiting for the last answers"
    return Text(title, "bold"), bar, Text(words, "dim")


def _lines(progress: Progress, over: list[Span]) -> Iterator[Text]:
    tally = progress.tally
    if progress.under_way:
        yield Text(f"{progress.under_way} under way, whose latency nobody knows yet")
    if len(over) > 1:
        yield Text(f"p99  {sparkline([span.latency.percentile(99) for span in over[-40:]])}", "cyan")
        yield Text(f"rate {sparkline([len(span.latency) / tally.span for span in over])}", "green")
    failures = list(_failures(tally))
    if failures:
        yield Text(f"not answered: {', '.join(failures)}", "red")
    yield Text(
        f"left {_ms(tally.slip, 99)} ms late at p99 (the generator's slip). Ctrl-C ends it and keeps this", "dim"
    )


def _over(progress: Progress) -> list[Span]:
    now = progress.passed // progress.tally.span
    return [span for index, span in sorted(progress.tally.spans.items()) if index < now]


def _merged(spans: list[Span]) -> Histogram:
    merged = Histogram(digits=2)
    for span in spans:
        merged.merge(span.latency)
    return merged


def _row(answered: float, latency: Histogram) -> Iterator[str]:
    yield f"{answered:.4g}"
    yield from (f"{_ms(latency, percent)} ms" for percent in _PERCENTILES)


def _failures(tally: Tally) -> Iterator[str]:
    return (f"{count} {fate}" for fate, count in sorted(tally.fates.items()) if fate is not Fate.ANSWERED and count)


def _ms(latency: Histogram, percent: float) -> str:
    return f"{latency.percentile(percent) * 1e3:.2f}" if percent < 100 else f"{latency.maximum * 1e3:.2f}"
