from dataclasses import replace

import numpy as np
import pytest

from loadtests.comparison import Verdict, compared, unlike, worst
from loadtests.load import Closed, Open
from loadtests.result import Result
from tests.loadtests.results import result_of


def run(mean: float, seed: int, seconds: int = 30, refused: int = 0) -> Result:
    return result_of(np.random.default_rng(seed).exponential(mean, seconds * 100), refused)


def test_the_same_twice_is_never_slower() -> None:
    verdicts = [worst(compared(run(0.01, seed), run(0.01, seed + 1000), 0.2)) for seed in range(15)]
    assert Verdict.SLOWER not in verdicts


def test_what_is_slower_is_told_and_what_is_faster_too() -> None:
    slower = compared(run(0.01, 1), run(0.015, 2), 0.05)
    assert worst(slower) is Verdict.SLOWER
    assert slower[2].name == "p99"
    assert slower[2].ratio == pytest.approx(1.5, rel=0.15)
    faster = compared(run(0.015, 1), run(0.01, 2), 0.05)
    assert [change.verdict for change in faster[:3]] == [Verdict.FASTER] * 3


def test_short_runs_leave_it_open() -> None:
    [p50, *_] = compared(run(0.01, 1, seconds=3), run(0.02, 2, seconds=3), 0.05)
    assert p50.verdict is Verdict.UNCLEAR
    assert p50.interval is None


def test_more_refusals_are_slower_however_fast_the_rest_is() -> None:
    changes = compared(run(0.01, 1), run(0.005, 2, refused=60), 0.05)
    assert changes[-1].verdict is Verdict.SLOWER
    assert changes[-1].after == pytest.approx(2, abs=0.1)
    assert worst(changes) is Verdict.SLOWER


def test_other_loads_are_told() -> None:
    other = result_of(np.full(10, 0.01), load=Closed(4))
    [difference] = unlike(result_of(np.full(10, 0.01)), other)
    assert difference == "load was 100 requests/s and is 4 callers"
    bursts = result_of(np.full(10, 0.01), load=Open(100.0, variation=4.0))
    [difference] = unlike(result_of(np.full(10, 0.01)), bursts)
    assert "'variation': 4.0" in difference


def test_the_same_requests_at_the_same_times_are_answered_as_often() -> None:
    """Of others, and of callers who wait, the chance in how many came at which time leaves it open."""

    def load(seed: int) -> Result:
        found, counts = result_of(np.full(300, 0.01), rate=20), np.random.default_rng(seed).poisson(20, 15).tolist()
        moments = [
            replace(moment, fates={"answered": count}) for moment, count in zip(found.moments, counts, strict=True)
        ]
        return replace(found, moments=tuple(moments), generator=replace(found.generator, seed=seed))

    alike, other = compared(load(0), load(0), 0.05)[3], compared(load(0), load(1), 0.05)[3]
    assert (alike.interval, alike.verdict) == ((1.0, 1.0), Verdict.SAME)
    assert other.verdict is Verdict.UNCLEAR
