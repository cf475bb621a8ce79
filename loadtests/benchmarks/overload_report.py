"""What `overload` prints: a table for each scenario, and whether what was aimed at was reached.

Rule: where no run of a policy was valid, nothing is said of it.
"""

from collections.abc import Mapping
from statistics import median

from loadtests.benchmarks.fates import Figures, best
from loadtests.benchmarks.report import show, spread, table

Found = dict[str, list[Figures]]
"""By policy, what each valid round gave."""

OURS, TUNED = "deadlines", "tuned queue timeout"

_COLUMNS = {  # heading: figure, digits
    "in time %": ("in_time", 0),
    "in time /s": ("goodput", 0),
    "refused %": ("refused", 0),
    "dropped %": ("dropped", 0),
    "late %": ("late", 1),
    "failed %": ("failed", 1),
    "p99 ms": ("p99", 0),
    "refused p99 ms": ("refused_p99", 1),
    "client late p99 ms": ("slip_p99", 1),
}


def rows(found: Found) -> dict[str, list[Figures]]:
    """The fixed delay, the best of the queue timeouts, and deadlines, as far as something is known of them."""
    timeouts = {name: runs for name, runs in found.items() if name.startswith("queue-timeout") and runs}
    chosen = {"fixed delay": found.get("fixed-delay", []), TUNED: best(timeouts.values()) if timeouts else []}
    return {name: runs for name, runs in {**chosen, OURS: found.get("deadlines", [])}.items() if runs}


def show_scenario(name: str, by_load: Mapping[float, Found]) -> None:
    lines = [
        (f"{load:g} x, {policy}", *_cells(runs))
        for load, found in by_load.items()
        for policy, runs in rows(found).items()
    ]
    table((name, *_COLUMNS, "in time % by class", "runs"), *lines)
    print(flush=True)


def show_targets(found: Mapping[str, Mapping[float, Found]], objective_ms: float) -> None:
    """`objective_ms` where there is one."""
    for name, by_load in found.items():
        peak = max((goodput(rows(each)[OURS]) for each in by_load.values() if OURS in rows(each)), default=0.0)
        gains = {f"{load:g}": gain(each) for load, each in by_load.items() if gain(each)}
        print(f"{name}: goodput in that of the best queue timeout: {_listed(gains)}")
        highest = rows(by_load[max(by_load)]).get(OURS)
        if highest is None:
            continue
        print(f"  at {max(by_load):g} x: goodput is {goodput(highest) / peak:.0%} of its peak, aim 90 % and more")
        if len(highest[0].attainment) == 1:
            _aim("99th percentile of what is answered", [it.p99 for it in highest], objective_ms)
        _aim("99th percentile until a refusal", [it.refused_p99 for it in highest], 10.0)
    print()


def _aim(what: str, milliseconds: list[float], limit: float) -> None:
    print(f"  {what}: {show(spread(milliseconds), 1)} ms, aim at most {limit:.0f}")


def _listed(gains: Mapping[str, float]) -> str:
    return ", ".join(f"{gain:.2f} at {load} x" for load, gain in gains.items()) or "no valid runs"


def gain(found: Found) -> float:
    """0 where it is not known."""
    known = rows(found)
    return goodput(known[OURS]) / max(goodput(known[TUNED]), 1e-9) if OURS in known and TUNED in known else 0.0


def goodput(runs: list[Figures]) -> float:
    return median(it.goodput for it in runs)


def summary(found: Found) -> dict[str, object]:
    """For programs: every policy that ran, and the gain."""
    figures = {
        policy: {
            **{name: spread([getattr(it, name) for it in runs]) for name, _ in _COLUMNS.values()},
            "attainment": [spread(values) for values in zip(*(it.attainment for it in runs), strict=True)],
            "runs": len(runs),
        }
        for policy, runs in found.items()
        if runs
    }
    return {**figures, "gain": round(gain(found), 3)}


def _cells(runs: list[Figures]) -> tuple[str, ...]:
    figures = [show(spread([getattr(it, name) for it in runs]), digits) for name, digits in _COLUMNS.values()]
    classes = [f"{median(values):.0f}" for values in zip(*(it.attainment for it in runs), strict=True)]
    return (*figures, " / ".join(classes), str(len(runs)))
