"""What follows from runs at different rates.

Rule: a request that was refused, failed or lost is a miss, so that nothing is gained by answering fewer.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from loadtests.capacity import Trial, bracket, limited_by_generator
from loadtests.gone import gone_since
from loadtests.knee import knee
from loadtests.objective import Measure, Objective, attainment
from loadtests.outcomes import Fate
from loadtests.result import Result
from loadtests.result_file import Document
from loadtests.run import Progress

_HOPELESS = 4.0  # times as many misses as a run may have
_FEWEST_SECONDS = 2.0  # before a run is given up


def held(result: Result, objectives: Sequence[Objective]) -> bool:
    return all(attainment(result, objective).held for objective in objectives)


def tightest(objectives: Sequence[Objective]) -> float | None:
    return min((objective.limit for objective in objectives), default=None)


def hopeless(progress: Progress, rate: float, objectives: Sequence[Objective]) -> bool:
    """Whether the run has missed so much already that the rest can't mend it. A server that seems to be gone is waited
    for until it surely is, which ends more than this run."""
    if progress.passed < min(_FEWEST_SECONDS, progress.seconds / 2):
        return False
    if gone_since(progress.tally, progress.passed, patience=0.0) is not None:
        return False
    whole = rate * progress.seconds
    tally = progress.tally
    return any(
        tally.requests - tally.latency.within(objective.limit) > _HOPELESS * (1 - objective.percent / 100) * whole
        for objective in objectives
        if objective.measure is Measure.LATENCY
    )


def capacity_found(
    runs: Sequence[Result], objectives: Sequence[Objective], confirmed: Result | None, trials: Sequence[Trial]
) -> dict[str, Any]:
    """The highest rate, and what came of the requests of the run that confirmed it. Where none did, `held_once` is the
    highest that held in a try."""
    points = [_point(each, objectives) for each in runs]
    base = {"kind": "capacity", "objectives": list(map(str, objectives)), "points": points}
    limited = limited_by_generator(trials)
    if confirmed is None:
        held_once, _ = bracket(trials)
        late = limited or (held_once > 0 and bool(runs[-1].invalid))
        return base | {"capacity": 0.0, "held_once": round(held_once, 3), "limited_by_generator": late}
    return base | {
        "capacity": round(rate_held(confirmed), 3),
        "limited_by_generator": limited,
        "valid": not confirmed.invalid,
        "run": list(runs).index(confirmed),
        **_shares(confirmed, objectives),
    }


def curve_found(runs: Sequence[Result], objectives: Sequence[Objective]) -> dict[str, Any]:
    """With the rate of the knee, and the run that is there."""
    found = knee(runs)
    points = [_point(each, objectives) for each in runs]
    curve = {"kind": "curve", "knee": found.offered if found else None, "points": points}
    return curve | ({"run": list(runs).index(found)} if found else {})


def to_be_told(document: Document) -> Result:
    """The run that was decided by. One that holds a capacity holds it also where requests left late: what would keep
    another from saying anything is to be borne in mind."""
    run = document.decisive
    if not document.decision.get("capacity"):
        return run
    return replace(run, invalid=(), notes=(*run.invalid, *run.notes))


def rate_held(confirmed: Result) -> float:
    """What came, where chance sent fewer requests than the rate that was meant."""
    return min(float(confirmed.load["rate"]), confirmed.offered)


def nothing_held(decision: Mapping[str, Any]) -> str:
    """Of a search that found no capacity."""
    words = f"no rate was found that holds {', '.join(decision['objectives'])}"
    if once := decision.get("held_once"):
        lowest = decision["points"][-1]["offered"]
        words += f": {once:.4g} requests/s held it once, and not in a longer run, nor did less, down to {lowest:.4g}"
    return words


def _shares(result: Result, objectives: Sequence[Objective]) -> dict[str, Any]:
    worst = attainment(result, max(objectives, key=partial(_spent, result)))
    answered = result.fates.get(Fate.ANSWERED, 0)
    refused = result.fates.get(Fate.REFUSED, 0)
    unanswered = result.fates.get(Fate.LATE, 0)
    return {
        "attainment": round(worst.share, 5),
        "goodput": round(worst.share * result.offered, 3),
        "refused": round(refused / result.requests, 5),
        "late": round((max(0, answered - worst.within) + unanswered) / result.requests, 5),
        "failed": round((result.requests - answered - refused - unanswered) / result.requests, 5),
        "surely": all(attainment(result, objective).surely for objective in objectives),
    }


def _spent(result: Result, objective: Objective) -> float:
    """How many misses there were, in misses that the objective allows: half of the requests may miss a p50."""
    return (1 - attainment(result, objective).share) / (1 - objective.percent / 100)


def _point(result: Result, objectives: Sequence[Objective]) -> dict[str, Any]:
    return {
        "offered": result.offered,
        "answered": result.answered,
        "p50": result.latency.p50,
        "p99": result.latency.p99,
        "held": held(result, objectives) if objectives else None,
        "invalid": bool(result.invalid),
    }


def in_words(result: Result, objectives: Sequence[Objective]) -> Iterator[str]:
    for objective in objectives:
        found = attainment(result, objective)
        yield f"{objective}: {found.share:.2%} in time, {'held' if found.held else 'missed'}"
    yield from result.invalid
