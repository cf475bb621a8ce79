"""What a load test shows while it runs and when it is over. Rule: a run that says nothing says so in red."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from loadtests.outcomes import Fate
from loadtests.result import Result
from loadtests.result_file import Document
from loadtests.run import Plan, Progress


class Screen:
    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console()
        self._live: Live | None = None

    def watch(self, plan: Plan) -> Callable[[Progress], bool]:
        self._live = Live(Text(f"starting {plan.processes} senders"), console=self._console, transient=True)
        self._live.start()

        def look(progress: Progress) -> bool:
            assert self._live is not None
            self._live.update(_now(progress))
            return False

        return look

    def tell(self, result: Result, words: str) -> None:
        if self._live is not None:
            self._live.stop()
        self._console.print(f"{_load(result)}: {_summary(result)}{f'; {words}' if words else ''}", highlight=False)

    def concluded(self, found: Document) -> bool:
        """Prints what was found; whether it is what was asked for."""
        decision = found.decision
        invalid = [] if decision else list(found.runs[-1].invalid)
        for reason in invalid:
            self._console.print(f"[red]INVALID:[/red] {reason}", highlight=False)
        with suppress(KeyError):
            self._console.print(_CONCLUSIONS[decision["kind"]](decision), highlight=False)
        return not invalid and decision.get("capacity") != 0


def _now(progress: Progress) -> Text:
    tally = progress.tally
    fates = tally.fates
    bad = sum(count for fate, count in fates.items() if fate is not Fate.ANSWERED)
    return Text(
        f"{max(0.0, progress.passed):5.1f} of {progress.seconds:g} s  {tally.requests} requests, {bad} not answered  "
        f"p50 {tally.latency.percentile(50) * 1e3:.2f} ms  p99 {tally.latency.percentile(99) * 1e3:.2f} ms"
    )


def _load(result: Result) -> str:
    load = result.load
    if load["kind"] == "closed":
        return f"{load['concurrency']} callers"
    if load["kind"] == "replay":
        return f"{load['requests']} recorded requests"
    ramp = "" if load["until"] is None else f" to {load['until']:g}"
    return f"{load['rate']:.4g}{ramp} requests/s"


def _summary(result: Result) -> str:
    bad = result.requests - result.fates.get(Fate.ANSWERED, 0)
    failed = f", {bad} not answered" if bad else ""
    return (
        f"{result.answered:.4g} answered/s{failed}, p50 {result.latency.p50:.2f} ms, p90 {result.latency.p90:.2f} ms, "
        f"p99 {result.latency.p99:.2f} ms, longest {result.latency.maximum:.2f} ms"
    )


def _capacity(decision: dict[str, Any]) -> str:
    asked = ", ".join(decision["objectives"])
    if not decision["capacity"]:
        return f"[red]no rate was found that holds {asked}[/red]"
    lines = [
        f"[bold]{decision['capacity']:.4g} requests/s hold {asked}[/bold]",
        f"goodput {decision['goodput']:.4g}/s, {decision['attainment']:.2%} in time, "
        f"{decision['refused']:.2%} refused, {decision['late']:.2%} late, {decision['failed']:.2%} failed",
    ]
    if decision["limited_by_generator"]:
        lines.append("[yellow]the generator could do no more; the server may[/yellow]")
    if plan := decision.get("plan"):
        spare = f"{plan['assumptions']['headroom']:.0%} free, {plan['assumptions']['spare']} may be gone"
        scale = f"scale at {plan['in_flight']:g} requests in flight each"
        lines.append(f"{plan['wanted']:g} requests/s need {plan['replicas']} replicas ({spare}); {scale}")
    return "\n".join(lines)


def _curve(decision: dict[str, Any]) -> str:
    return (
        f"[bold]the knee is at {decision['knee']:.4g} requests/s[/bold]" if decision["knee"] else "nothing was answered"
    )


_CONCLUSIONS = {"capacity": _capacity, "curve": _curve}
