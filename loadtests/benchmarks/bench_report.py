"""What servers did side by side, as tables for people and figures for programs.

Rule: a ratio is of two measurements of the same round.
"""

from collections.abc import Mapping, Sequence

from loadtests.benchmarks.bench_models import Model
from loadtests.benchmarks.closed_loop import Load
from loadtests.benchmarks.report import Figures, show, spread, table

Turns = dict[tuple[str, int], list[Load]]
"""By who was measured and over how many connections (0 where there are none), what each round found."""


def show_all(models: Sequence[Model], found: Mapping[str, Turns], reference: str) -> None:
    for model in models:
        turns = found[model.name]
        rows = [row(key, turns, reference) for key in sorted(turns, key=lambda key: key[1])]
        table(
            (model.title, "connections", "requests/s", "p50 ms", "p99 ms", "CPU us a request", f"it / {reference}"),
            *rows,
        )
        print()


def row(key: tuple[str, int], turns: Turns, reference: str) -> tuple[str, ...]:
    name, connections = key
    loads = turns[key]
    failed = sum(load.failed for load in loads)
    return (
        f"{name} ({failed} failed)" if failed else name,
        str(connections or ""),
        show(spread([load.requests_per_s for load in loads])),
        show(spread([load.p50_ms for load in loads]), 2),
        show(spread([load.p99_ms for load in loads]), 2),
        show(spread([load.cpu_us for load in loads])),
        show(ratios(key, turns, reference), 3),
    )


def ratios(key: tuple[str, int], turns: Turns, reference: str) -> Figures:
    """Its rate to that of `reference`; where there are no connections, to the best that this one has over any."""
    _, connections = key
    of_reference = [loads for (who, count), loads in turns.items() if who == reference and connections in (0, count)]
    best = [max(load.requests_per_s for load in loads) for loads in zip(*of_reference, strict=True)]
    rounds = zip(turns[key], best, strict=False)  # a server that failed has fewer
    return spread([load.requests_per_s / max(rate, 1e-9) for load, rate in rounds])


def figures(turns: Turns, reference: str) -> dict[str, dict[str, object]]:
    """By name and connections."""
    report: dict[str, dict[str, object]] = {}
    for key, loads in turns.items():
        name, connections = key
        report.setdefault(name, {})[str(connections)] = {
            "requests_per_s": spread([load.requests_per_s for load in loads]),
            "p50_ms": spread([load.p50_ms for load in loads]),
            "p99_ms": spread([load.p99_ms for load in loads]),
            "cpu_us": spread([load.cpu_us for load in loads]),
            "failed": sum(load.failed for load in loads),
            "ratio": ratios(key, turns, reference),
        }
    return report
