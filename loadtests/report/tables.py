"""Tables of a load test's report. Rule: every figure that a plot shows can be read here too."""

from collections.abc import Iterator, Mapping
from typing import Any

from loadtests.comparison import Change
from loadtests.outcomes import Fate
from loadtests.result import Result
from loadtests.result_view import figures, load_in_words, rows
from training.report.section import Table

_MIB = 2**20


def percentiles(run: Result) -> Table:
    head = ("ms", "requests", "p50", "p90", "p95", "p99", "95 % interval of p99", "p99.9", "longest")
    return Table(head, tuple((name, str(it.count), *figures(it)) for name, it in rows(run)))


def outcomes(run: Result) -> Table:
    counted = tuple((fate, str(count), f"{count / max(1, run.requests):.3%}") for fate, count in run.fates.items())
    statuses = tuple((f"status {status}", str(count), "") for status, count in run.statuses.items() if int(status) > 0)
    messages = tuple((f"“{message}”", str(count), "") for message, count in run.messages.items())
    return Table(("what became of requests", "requests", "share"), (*counted, *statuses, *messages))


def runs(every: tuple[Result, ...]) -> Table:
    head = ("run", "offered/s", "answered/s", "not answered", "p50 ms", "p99 ms", "longest ms", "")
    return Table(head, tuple(_run(run) for run in every))


def _run(run: Result) -> tuple[str, ...]:
    bad = run.requests - run.fates.get(Fate.ANSWERED, 0)
    latency = run.latency
    times = (f"{latency.p50:.2f}", f"{latency.p99:.2f}", f"{latency.maximum:.2f}")
    verdict = "; ".join(reason.partition(": ")[0] for reason in run.invalid)
    return (load_in_words(run), f"{run.offered:.4g}", f"{run.answered:.4g}", str(bad), *times, verdict)


def server(said: Mapping[str, Any]) -> Table:
    return Table(("the server's own figures", ""), tuple(_server(said)))


def _server(said: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, words in _SPLIT.items():
        if name in said:
            yield words, f"{said[name]:.3f} ms"
    if "batch" in said:
        yield "rows in a batch, on average", f"{said['batch']:g}"
    if "cpu" in said:
        yield "processors used, on average", f"{said['cpu']:.2f}"
        yield "memory at most", f"{said['memory'] / _MIB:.0f} MiB"


_SPLIT = {
    "queue_ms": "in the queue, a request on average",
    "compute_ms": "computing",
    "compute_input_ms": "of that, getting inputs together",
    "compute_infer_ms": "of that, the model",
    "compute_output_ms": "of that, handing out its answers",
}


def measured(run: Result) -> Table:
    """How it was measured, for who wants to do it again."""
    return Table(("how it was measured", ""), tuple((name, value) for name, value in _measured(run) if value))


def _measured(run: Result) -> Iterator[tuple[str, str]]:
    machine, generator = run.machine, run.generator
    yield "command", str(machine.get("command", ""))
    yield "began", run.began
    yield "load", f"{load_in_words(run)} for {run.seconds:g} s, {run.requests} requests, seed {generator.seed}"
    yield "asked", f"{run.model} at {run.url} by {run.protocol}"
    yield "server", " ".join(str(run.server[name]) for name in ("name", "version") if name in run.server)
    yield "generator's machine", _machine(machine)
    processes = "1 process" if generator.processes == 1 else f"{generator.processes} processes"
    busy = f"the busiest used {generator.busy:.0%} of a processor"
    yield "generator", f"{processes}, {busy}; {generator.cpu_us:g} µs of processor for a request"
    versions = (
        ("Slipway", machine.get("slipway")),
        ("commit", machine.get("commit")),
        ("Python", machine.get("python")),
    )
    yield "versions", ", ".join(f"{name} {version}" for name, version in versions if version)


def _machine(machine: Mapping[str, Any]) -> str:
    if not machine:
        return ""
    return (
        f"{machine['cpu']}, {machine['cores']} processors, {machine['memory'] / 2**30:.1f} GiB, {machine['system']}; "
        f"load average when it began: {machine['load']:g}"
    )


def plan(needed: Mapping[str, Any]) -> Table:
    assumed = needed["assumptions"]
    return Table(
        ("what it rests on", ""),
        (
            ("wanted at the peak", f"{needed['wanted']:g} requests/s"),
            ("one replica holds", f"{needed['capacity']:g} requests/s"),
            ("more than the peak that they can bear", f"{assumed['headroom']:.0%}"),
            ("replicas that may be gone", f"{assumed['spare']}"),
            ("the autoscaler adds one at", f"{assumed['target']:.0%} of a replica's capacity"),
            ("requests in flight at that rate, for each", f"{needed['in_flight']:g}"),
            ("memory kept free", f"{assumed['memory_margin']:.0%}"),
        ),
    )


def changes(found: tuple[Change, ...]) -> Table:
    return Table(("", "A", "B", "B / A", "95 % interval", ""), tuple(_change(change) for change in found))


def _change(change: Change) -> tuple[str, ...]:
    interval = "" if change.interval is None else f"{change.interval[0]:.3f} to {change.interval[1]:.3f}"
    values = (f"{change.before:.3f}", f"{change.after:.3f}", f"{change.ratio:.3f}")
    return (f"{change.name} ({change.unit})", *values, interval, str(change.verdict))
