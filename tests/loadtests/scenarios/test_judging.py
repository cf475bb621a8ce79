"""Runs whose latencies are known, and whether they pass."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loadtests.result import Result
from loadtests.scenarios.judging import Done, Judged, Run, Seen, Verdict, judged, worst
from loadtests.scenarios.scenario import Checks
from tests.loadtests.results import result_of

FAST = result_of(np.full(1000, 0.01))


def only(checks: Checks, result: Result = FAST, peak: tuple[float, float] = (0.0, 0.0), **seen: Any) -> Judged:
    [found] = judged(checks, Seen((Run("part", result, peak),), **seen))
    return found


@pytest.mark.parametrize(("refused", "verdict"), [(0, "passed"), (10, "passed"), (11, "failed")])
def test_a_share_may_be_refused(refused: int, verdict: str) -> None:
    found = only(Checks(refused=0.01), result_of(np.full(1000 - refused, 0.01), refused))
    assert found.verdict == verdict
    assert found.words.startswith(f"{refused} of 1000 requests")


def test_what_was_refused_has_not_failed() -> None:
    assert only(Checks(failed=0.0), result_of(np.full(10, 0.01), refused=10)).verdict is Verdict.PASSED


def test_what_was_not_sent_says_nothing() -> None:
    unsent = replace(FAST, fates={"answered": 900, "unsent": 100})
    assert only(Checks(failed=0.0), unsent).verdict is Verdict.UNSURE


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        (Checks(objectives=("p90<50ms",)), "failed"),
        (Checks(objectives=("p90<50ms",), attainment=0.8), "passed"),
        (Checks(objectives=("p75<50ms",)), "passed"),
    ],
)
def test_objectives_are_held_or_not(checks: Checks, verdict: str) -> None:
    slow = result_of(np.concatenate([np.full(800, 0.01), np.full(200, 0.1)]))
    assert only(checks, slow).verdict == verdict
    assert only(checks, replace(slow, invalid=("late",))).verdict is Verdict.UNSURE


@pytest.mark.parametrize(("allowed", "verdict"), [(4.0, "passed"), (2.0, "failed")])
def test_recovery_is_when_the_median_is_back(allowed: float, verdict: str) -> None:
    """100 a second: five seconds of 10 ms, five of a peak, three in which it is still felt, and seven as before."""
    seconds = [0.01] * 5 + [0.5] * 5 + [0.2] * 3 + [0.011] * 7
    found = only(Checks(recovery_s=allowed), result_of(np.repeat(seconds, 100)), peak=(5.0, 10.0))
    assert (found.verdict, found.words[:12]) == (verdict, "part: 3.0 s ")


def test_what_never_recovers_has_failed() -> None:
    result = result_of(np.repeat([0.01] * 5 + [0.5] * 10, 100))
    assert only(Checks(recovery_s=5.0), result, peak=(5.0, 10.0)).verdict is Verdict.FAILED


@pytest.mark.parametrize(("after", "verdict"), [(10, "unsure"), (6, "unsure"), (2, "passed")])
def test_nobody_knows_whether_it_recovered_while_requests_could_not_leave(after: int, verdict: str) -> None:
    seconds = [0.01] * 5 + [0.5] * (5 + after) + [0.01] * (10 - after)
    result = replace(result_of(np.repeat(seconds, 100)), invalid=("9 requests were not sent",))
    found = only(Checks(recovery_s=5.0), result, peak=(5.0, 10.0))
    assert found.verdict == verdict
    assert ("9 requests were not sent" in found.words) is (verdict == "unsure")


@pytest.mark.parametrize(
    ("growth", "noise", "verdict"), [(0.0, 0.1, "passed"), (100.0, 0.1, "failed"), (0.0, 1000.0, "unsure")]
)
def test_memory_may_grow_so_fast(growth: float, noise: float, verdict: str) -> None:
    times = np.arange(0, 3600, 20.0)
    sizes = 1e6 * (500 + growth * times / 3600 + np.random.default_rng(0).normal(0, noise, len(times)))
    memory = tuple(zip(times.tolist(), sizes.tolist(), strict=True))
    assert only(Checks(memory_slope_mb_per_hour=20.0), memory=memory).verdict == verdict


def test_memory_that_nobody_knows_says_nothing() -> None:
    assert only(Checks(memory_slope_mb_per_hour=20.0)).verdict is Verdict.UNSURE


@pytest.mark.parametrize(("after", "verdict"), [(0.5, "passed"), (None, "failed"), ("no metrics", "unsure")])
def test_a_server_is_idle_afterwards(after: float | str | None, verdict: str) -> None:
    assert only(Checks(idle_s=1.0), idle_after=after).verdict == verdict


def test_actions_are_told_and_the_worst_decides() -> None:
    done = (Done("reload m", 1.0, 0.5), Done("reload m", 2.0, 0.5, "it answered 503"))
    found = judged(Checks(), Seen((Run("part", FAST),), done))
    assert [each.verdict for each in found] == ["passed", "failed"]
    assert worst(found) is Verdict.FAILED
    assert worst(found[:1]) is worst([]) is Verdict.PASSED


def test_a_load_that_was_cut_short_says_less() -> None:
    [found] = judged(Checks(), Seen((Run("part", FAST, seconds=60.0),)))
    assert (found.verdict, found.words) == (Verdict.UNSURE, "part: ended after 10.0 of 60 s")
    assert judged(Checks(), Seen((Run("part", FAST, seconds=10.0),))) == []
