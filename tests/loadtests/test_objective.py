import numpy as np
import pytest

from loadtests.objective import Measure, Objective, at_most, attainment, judged, parsed
from tests.loadtests.results import result_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p99<50ms", Objective(Measure.LATENCY, 99.0, 0.05)),
        (" p99.9 < 1.5s", Objective(Measure.LATENCY, 99.9, 1.5)),
        ("ttft_p95<200ms", Objective(Measure.TTFT, 95.0, 0.2)),
        ("itl_p50<800us", Objective(Measure.ITL, 50.0, 0.0008)),
    ],
)
def test_an_objective_is_read(text: str, expected: Objective) -> None:
    assert parsed(text) == expected
    assert parsed(str(expected)) == expected


@pytest.mark.parametrize("text", ["", "p99", "p99<50", "p100<50ms", "mean<5ms", "p99>50ms", "p0<5ms", "p99<0ms"])
def test_what_is_none_is_told_with_how_one_is_written(text: str) -> None:
    with pytest.raises(ValueError, match="p99<50ms"):
        parsed(text)


def test_all_that_was_not_answered_is_a_miss() -> None:
    result = result_of(np.full(98, 0.01), refused=2)
    found = attainment(result, parsed("p99<50ms"))
    assert (found.counted, found.within, found.held) == (100, 98, False)
    assert attainment(result, parsed("p98<50ms")).held


def test_a_stream_is_judged_by_its_first_event_and_its_gaps() -> None:
    result = result_of(np.full(10, 1.0), first=np.full(10, 0.1), gaps=np.full(90, 0.02))
    assert attainment(result, parsed("ttft_p99<200ms")).held
    assert attainment(result, parsed("itl_p99<30ms")).counted == 90
    assert not attainment(result, parsed("itl_p99<10ms")).held
    assert not attainment(result_of(np.full(10, 1.0)), parsed("ttft_p99<200ms")).held


def test_a_verdict_is_sure_when_chance_would_hardly_give_it() -> None:
    """As many as MLPerf's rules ask of a run without a miss at p99 with 99 % confidence: 459."""
    assert judged(458, 458, 99.0).surely is False
    assert judged(459, 459, 99.0).surely is True
    assert judged(1000, 991, 99.0).held
    assert not judged(1000, 991, 99.0).surely
    assert judged(1000, 900, 99.0) == judged(1000, 900, 99.0)
    assert judged(1000, 900, 99.0).surely
    assert not judged(0, 0, 99.0).held


def test_the_chance_of_misses_is_binomial() -> None:
    draws = np.random.default_rng(0).binomial(300, 0.02, 100_000)
    for misses in (0, 3, 6, 12, 299, 300):
        assert at_most(misses, 300, 0.02) == pytest.approx((draws <= misses).mean(), abs=0.005)
    assert at_most(-1, 300, 0.02) == 0.0
