"""Whether what a scenario asks for was so. Rule: every check is told with the figures that decided it; what a run can't
tell is neither passed nor failed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import median

from loadtests.objective import attainment, parsed
from loadtests.outcomes import Fate
from loadtests.result import Moment, Result
from loadtests.scenarios.memory_slope import slope
from loadtests.scenarios.scenario import Checks

_BACK = 2.0  # times the median of before
_SHORTER = 0.5  # seconds by which a load may end before its time
_FAULTS = (Fate.FAILED, Fate.LOST, Fate.LATE)


class Verdict(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Judged:
    check: str
    verdict: Verdict
    words: str


@dataclass(frozen=True, slots=True)
class Run:
    """What a part came to, which was to last `seconds`; `peak` is when the phase with its highest rate began and ended,
    in seconds."""

    name: str
    result: Result
    peak: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Done:
    """An action: when, in seconds, how many seconds it took, and what went wrong, if anything."""

    what: str
    at: float
    took: float
    wrong: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """All that a scenario is judged by: `memory` in seconds and bytes; `idle_after` is how many seconds after the load
    nothing waited or ran any more, None where it always did, or a text where nobody could tell."""

    runs: tuple[Run, ...]
    done: tuple[Done, ...] = ()
    memory: tuple[tuple[float, float], ...] = ()
    idle_after: float | str | None = None


def judged(checks: Checks, seen: Seen) -> list[Judged]:
    results = [run.result for run in seen.runs]
    found = [_cut_short(run) for run in seen.runs if run.result.seconds < run.seconds - _SHORTER]
    if checks.failed is not None:
        found.append(_share("failed", _FAULTS, checks.failed, results))
    if checks.refused is not None:
        found.append(_share("refused", (Fate.REFUSED,), checks.refused, results))
    found += (each for run in seen.runs for each in _objectives(checks, run))
    if checks.recovery_s is not None:
        found += (_recovery(run, checks.recovery_s) for run in seen.runs if run.peak[0] > 0)
    if checks.memory_slope_mb_per_hour is not None:
        found.append(_memory(seen.memory, checks.memory_slope_mb_per_hour))
    if checks.idle_s is not None:
        found.append(_idle(seen.idle_after, checks.idle_s))
    return found + [_done(each) for each in seen.done]


def worst(found: Iterable[Judged]) -> Verdict:
    verdicts = {each.verdict for each in found}
    return next((one for one in (Verdict.FAILED, Verdict.UNSURE) if one in verdicts), Verdict.PASSED)


def _cut_short(run: Run) -> Judged:
    return Judged("length", Verdict.UNSURE, f"{run.name}: ended after {run.result.seconds:.1f} of {run.seconds:g} s")


def _share(name: str, fates: Sequence[Fate], allowed: float, results: Sequence[Result]) -> Judged:
    requests = sum(result.requests for result in results)
    counts = {fate: sum(result.fates.get(fate, 0) for result in results) for fate in fates}
    bad = sum(counts.values())
    kinds = ", ".join(f"{count} {fate}" for fate, count in counts.items() if count)
    words = f"{bad} of {requests} requests{f' ({kinds})' if bad and len(fates) > 1 else ''}; {allowed:.2%} are allowed"
    unsent = sum(result.fates.get(Fate.UNSENT, 0) for result in results)
    if requests == unsent:
        return Judged(name, Verdict.FAILED, "no request was sent")
    if unsent and bad <= allowed * requests:
        return Judged(
            name, Verdict.UNSURE, f"{words}, but {unsent} were not sent: the generator had too many under way"
        )
    return Judged(name, Verdict.PASSED if bad <= allowed * requests else Verdict.FAILED, words)


def _objectives(checks: Checks, run: Run) -> Iterator[Judged]:
    for text in checks.objectives:
        found = attainment(run.result, parsed(text))
        held = found.held if checks.attainment is None else found.share >= checks.attainment
        wanted = "" if checks.attainment is None else f"; {checks.attainment:.2%} are wanted"
        words = f"{run.name}: {found.share:.2%} of {found.counted} in time{wanted}"
        yield _if_valid(run.result, text, held, words)


def _if_valid(result: Result, name: str, held: bool, words: str) -> Judged:
    if result.invalid:
        return Judged(name, Verdict.UNSURE, f"{words}, but {result.invalid[0]}")
    return Judged(name, Verdict.PASSED if held else Verdict.FAILED, words)


def _recovery(run: Run, allowed: float) -> Judged:
    begin, end = run.peak
    result = run.result
    before = [moment.p50 for moment in result.moments if moment.at + result.span <= begin and _answered_all(moment)]
    if not before:
        return Judged("recovery", Verdict.UNSURE, f"{run.name}: no {result.span:g} s before the peak were undisturbed")
    usual = median(before)
    back = [
        moment.at
        for moment in result.moments
        if moment.at >= end and _answered_all(moment) and moment.p50 <= _BACK * usual
    ]
    if not back:
        words = f"{run.name}: the median of {usual:.2f} ms before the peak never came back"
        return _if_valid(result, "recovery", held=False, words=words)
    after = max(0.0, back[0] - end)
    words = f"{run.name}: {after:.1f} s after the peak the median was at most twice the {usual:.2f} ms of before"
    words += f"; {allowed:g} s are allowed"
    return (
        Judged("recovery", Verdict.PASSED, words) if after <= allowed else _if_valid(result, "recovery", False, words)
    )


def _answered_all(moment: Moment) -> bool:
    return set(moment.fates) == {Fate.ANSWERED}


def _memory(samples: Sequence[tuple[float, float]], allowed: float) -> Judged:
    name, found = "memory", slope(samples)
    if found is None:
        why = (
            "the load was too short to tell"
            if samples
            else "the server's memory is not known: its metrics don't tell it"
        )
        return Judged(name, Verdict.UNSURE, why)
    words = f"{found.slope:+.1f} MB/h, give or take {found.uncertainty:.1f}; {allowed:g} are allowed"
    if found.slope - found.uncertainty > allowed:
        return Judged(name, Verdict.FAILED, words)
    if found.slope + found.uncertainty > allowed:
        return Judged(name, Verdict.UNSURE, f"{words}: a longer load would tell")
    return Judged(name, Verdict.PASSED, words)


def _idle(after: float | str | None, allowed: float) -> Judged:
    if isinstance(after, str):
        return Judged("idle", Verdict.UNSURE, after)
    if after is None:
        return Judged("idle", Verdict.FAILED, f"requests waited or ran still {allowed:g} s after the load")
    return Judged("idle", Verdict.PASSED, f"nothing waited or ran {after:.1f} s after the load")


def _done(each: Done) -> Judged:
    if each.wrong:
        return Judged(each.what, Verdict.FAILED, each.wrong)
    return Judged(each.what, Verdict.PASSED, f"at {each.at:.1f} s, took {each.took:.2f} s")
