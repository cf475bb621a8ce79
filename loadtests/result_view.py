"""A load test's results as tables in a terminal.

Rule: what makes a run say nothing comes last and in red, where it is read.
"""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from loadtests.outcomes import Fate
from loadtests.result import Latencies, Result


def load_in_words(result: Result) -> str:
    load = result.load
    if load["kind"] == "closed":
        return f"{load['concurrency']} callers"
    if load["kind"] == "replay":
        return f"{load['requests']} recorded requests"
    ramp = "" if load["until"] is None else f" to {load['until']:g}"
    return f"{load['rate']:.4g}{ramp} requests/s"


def in_a_line(result: Result) -> str:
    bad = result.requests - result.fates.get(Fate.ANSWERED, 0)
    failed = f", {bad} not answered" if bad else ""
    return (
        f"{result.answered:.4g} answered/s{failed}, p50 {result.latency.p50:.2f} ms, p90 {result.latency.p90:.2f} ms, "
        f"p99 {result.latency.p99:.2f} ms, longest {result.latency.maximum:.2f} ms"
    )


def trials(told: Sequence[tuple[Result, str]]) -> Table:
    table = Table("load", "answered/s", "p50", "p99", "not answered", "", box=None, pad_edge=False)
    for result, words in told:
        bad = result.requests - result.fates.get(Fate.ANSWERED, 0)
        figures = (f"{result.answered:.4g}", f"{result.latency.p50:.2f} ms", f"{result.latency.p99:.2f} ms")
        table.add_row(load_in_words(result), *figures, f"{bad or ''}", escape(words))
    return table


def tables(result: Result) -> Iterator[RenderableType]:
    yield _head(result)
    yield _latencies(result)
    if len(result.fates) > 1 or Fate.ANSWERED not in result.fates:
        yield _failures(result)
    yield from server(result)
    yield from (f"[yellow]note:[/yellow] {escape(note)}" for note in result.notes)
    yield from (f"[red]INVALID:[/red] {escape(reason)}" for reason in result.invalid)


def _head(result: Result) -> str:
    tokens = f", {result.tokens:.4g} tokens/s" if result.first else ""
    rows = f", {result.rows:.4g} rows/s" if result.rows != result.answered else ""
    return (
        f"[bold]{escape(result.model)}[/bold] at {escape(result.url)} ({escape(result.protocol)}): "
        f"{load_in_words(result)} for {result.seconds:g} s\n"
        f"{result.offered:.4g} offered/s, {result.answered:.4g} answered/s{rows}{tokens}"
    )


def _latencies(result: Result) -> Table:
    table = Table("ms", "p50", "p90", "p95", "p99", "95 % interval", "p99.9", "longest", box=None, pad_edge=False)
    for name, latencies in rows(result):
        table.add_row(name, *figures(latencies))
    return table


def rows(result: Result) -> Iterator[tuple[str, Latencies]]:
    """What is told of every run, by its name."""
    yield "latency", result.latency
    yield "service time", result.service
    if result.first:
        yield "to the first token", result.first
    if result.gap:
        yield "between tokens", result.gap
    yield "generator's slip", result.slip


def figures(latencies: Latencies) -> tuple[str, ...]:
    """p50, p90, p95, p99, its interval, p99.9 and the longest; empty where nothing was answered."""
    if not latencies.count:
        return ("",) * 7
    interval = latencies.p99_interval
    sure = f"{interval[0]:.2f} to {interval[1]:.2f}" if interval else ""
    before = (latencies.p50, latencies.p90, latencies.p95, latencies.p99)
    return (*(f"{it:.2f}" for it in before), sure, *(f"{it:.2f}" for it in (latencies.p999, latencies.maximum)))


def _failures(result: Result) -> Table:
    table = Table("not answered", "requests", "share", box=None, pad_edge=False, header_style="bold red")
    for fate, count in result.fates.items():
        if fate != Fate.ANSWERED:
            table.add_row(fate, str(count), f"{count / result.requests:.2%}")
    for message, count in list(result.messages.items())[:5]:
        table.add_row(f"  {escape(message[:120])}", str(count), "")
    return table


def server(result: Result) -> Iterator[str]:
    said = result.server
    if "queue_ms" in said:
        batch = f", {said['batch']:g} rows in a batch" if "batch" in said else ""
        yield (
            f"server: {said['queue_ms']:.2f} ms in the queue and {said['compute_ms']:.2f} ms computing "
            f"for a request on average{batch}"
        )
    if "cpu" in said:
        yield f"server: {said['cpu']:.2f} processors, {said['memory'] / 2**20:.0f} MiB"
    yield from (f"[dim]{escape(note)}[/dim]" for note in said.get("notes", ()))
