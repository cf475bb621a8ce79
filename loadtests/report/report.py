"""A load test's results, or two that are compared, as one page. Rule: words first, then plots, then tables."""

from collections.abc import Iterator
from math import ceil

from loadtests.comparison import Change, compared, unlike, worst
from loadtests.conclusions import to_be_told
from loadtests.objective import parsed
from loadtests.report import plots, tables
from loadtests.report.headline import comparison_headline, headline
from loadtests.report.yaml_text import yaml_text
from loadtests.result import Latencies, Result
from loadtests.result_file import Document
from loadtests.result_view import load_in_words
from training.report.page import html
from training.report.section import Code, Drawing, Part, Section, Text

_PERCENTILES = (
    "Read it from left to right: this many of all requests took at most so long. Each further nine is ten times rarer; "
    "where the line climbs steeply, few requests wait very long. The thick bar is the 95 % interval of p99."
)


def report(document: Document) -> bytes:
    run = to_be_told(document)
    lead = (
        f"{load_in_words(run)} on {run.model} at {run.url}. Latency counts from when a request was meant to leave, so "
        "that a server that stalls can't hide it."
    )
    sections = [Section("What was found", tuple(_found(document, run)))]
    if document.decision.get("points"):
        sections.append(Section("Throughput and latency", tuple(_curve(document))))
    if "plan" in document.decision:
        sections.append(Section("How many replicas", tuple(_plan(document))))
    sections += _of_run(run)
    return html(f"Load test of {run.model}", lead, sections)


def _found(document: Document, run: Result) -> Iterator[Part]:
    yield headline(document)
    for reason in run.invalid:
        yield Text(f"Invalid: {reason}.", "bad")
    for note in run.notes:
        yield Text(f"Bear in mind: {note}.")
    yield tables.percentiles(run)
    yield tables.outcomes(run)


def _curve(document: Document) -> Iterator[Part]:
    decision = document.decision
    limits = [parsed(objective).limit * 1e3 for objective in decision.get("objectives", ())]
    named = {"capacity": "holds", "curve": "knee"}[decision["kind"]]
    rate = decision.get("capacity") or decision.get("knee")
    yield plots.throughput_curve(decision, limits, (named, rate) if rate else None)
    yield tables.runs(document.runs)


def _plan(document: Document) -> Iterator[Part]:
    needed = document.decision["plan"]
    scaled = ceil(needed["wanted"] / needed["rate"])
    yield Text(
        f"{needed['wanted']:g} requests/s need {needed['replicas']} replicas, or {scaled} where an autoscaler keeps "
        "each at its target. For the Kubernetes files:"
    )
    yield Code(yaml_text(document.decision["values"]))
    yield tables.plan(needed)


def _of_run(run: Result) -> Iterator[Section]:
    if run.latency.count:
        yield Section("Latency", tuple(_latency(run)))
    if run.moments:
        yield Section("Over time", (plots.timeline(run),))
    if run.first and run.first.count:
        yield Section("Streams", tuple(_streams(run)))
    if any("queue_ms" in entry for entry in run.server.get("series", ())) or "cpu" in run.server:
        yield Section("Inside the server", tuple(_server(run)))
    yield Section("How it was measured", tuple(_measured(run)))


def _latency(run: Result) -> Iterator[Part]:
    named = [("latency", run.latency), ("service time", run.service)]
    more = " The service time counts from when a request left, as tools that wait for answers measure it."
    yield plots.percentile_curves(named, _alt(run.latency), _PERCENTILES + more)
    yield plots.histogram([("latency", run.latency)], "How many requests took how long; the axis is logarithmic.")


def _streams(run: Result) -> Iterator[Part]:
    named = [("to the first token (TTFT)", run.first), ("between tokens (ITL)", run.gap)]
    told = [(name, it) for name, it in named if it and it.count]
    caption = "How long people wait for the first word, and then from word to word, as percentiles."
    yield plots.percentile_curves(told, _alt(told[0][1]), caption)


def _server(run: Result) -> Iterator[Part]:
    if sum("queue_ms" in entry for entry in run.server["series"]) > 1:
        yield plots.server_split(run)
    if len(run.server.get("batches", {})) > 1:
        yield plots.batches(run.server["batches"])
    yield tables.server(run.server)


def _measured(run: Result) -> Iterator[Part]:
    if run.slip.count and run.load["kind"] != "closed":
        caption = "How much later than meant requests left: the generator's own fault, and part of no server's latency."
        yield plots.percentile_curves([("slip", run.slip)], _alt(run.slip), caption)
    for note in run.server.get("notes", ()):
        yield Text(f"Left out: {note}.")
    yield tables.measured(run)


def _alt(latencies: Latencies) -> str:
    return f"p50 {latencies.p50:.2f} ms, p99 {latencies.p99:.2f} ms, longest {latencies.maximum:.2f} ms"


def comparison(before: Result, after: Result, tolerance: float) -> bytes:
    changes = compared(before, after, tolerance)
    invalid = [f"{name}: {reason}" for name, run in (("A", before), ("B", after)) for reason in run.invalid]
    sections = [
        Section("What was found", tuple(_difference(before, after, changes, invalid))),
        Section("Latency", tuple(_overlaid(before, after))),
        *(
            Section(f"How {name} was measured", (tables.percentiles(run), tables.measured(run)))
            for name, run in (("A", before), ("B", after))
        ),
    ]
    lead = f"A began {before.began}, B {after.began}; B may be slower by {tolerance:.0%}."
    return html(f"Load tests of {after.model} compared", lead, sections)


def _difference(before: Result, after: Result, changes: tuple[Change, ...], invalid: list[str]) -> Iterator[Part]:
    yield comparison_headline(changes, worst(changes), invalid)
    yield from (Text(f"Bear in mind: {difference}.") for difference in unlike(before, after))
    yield tables.changes(changes)


def _overlaid(before: Result, after: Result) -> Iterator[Drawing]:
    named = [(name, run.latency) for name, run in (("A", before), ("B", after)) if run.latency.count]
    if named:
        yield plots.percentile_curves(named, "; ".join(f"{name}: {_alt(it)}" for name, it in named), _PERCENTILES)
        yield plots.histogram(named, "How many requests took how long, of both.")
