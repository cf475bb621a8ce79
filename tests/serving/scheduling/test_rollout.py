from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.core.rollout_policy import RolloutPolicy, Strategy
from serving.scheduling.rollout import Arm, Rollout, Route, Verdict, lower_bound

CANARY = RolloutPolicy(Strategy.CANARY)


def every(n: int) -> list[bool]:
    """A pattern of failures: one in `n`; 0 for none."""
    return [n > 0 and number % n == n - 1 for number in range(10_000)]


def simulate(
    rollout: Rollout,
    candidate_fails: list[bool],
    candidate_seconds: float = 0.01,
    current_fails: list[bool] | None = None,
    requests: int = 10_000,
) -> Verdict | None:
    """What callers would see until the verdict: the current version takes 10 ms."""
    on_current, on_candidate = iter(current_fails or every(0)), iter(candidate_fails)
    for _ in range(requests):
        if rollout.route() is Route.CURRENT:
            rollout.current.add(0.01, next(on_current))
        else:
            rollout.candidate.add(candidate_seconds, next(on_candidate))
        if (verdict := rollout.verdict()) is not None:
            return verdict
    return None


def test_a_candidate_that_is_as_good_is_promoted_after_its_requests() -> None:
    rollout = Rollout(CANARY)
    rollout.compare(rows=100, differed=5)
    verdict = simulate(rollout, every(0))
    assert verdict == Verdict(
        True,
        f"0 of 200 requests failed, 0 of {rollout.current.requests} on the current version, 1.00 times as slow, "
        "5.0% differ",
    )
    assert rollout.current.requests == pytest.approx(9 * 200, abs=10)


def test_a_candidate_that_always_fails_goes_long_before_its_requests_are_over() -> None:
    rollout = Rollout(CANARY)
    verdict = simulate(rollout, every(1))
    assert verdict is not None
    assert not verdict.promote
    assert verdict.reason.startswith("it fails more often: 20 of 20 requests failed, 0 of ")
    assert rollout.candidate.requests == 20


def test_failures_that_may_be_chance_end_no_rollout_early() -> None:
    rollout = Rollout(CANARY)
    assert simulate(rollout, [False] * 18 + [True] + [False] * 400) == Verdict(
        True,
        f"1 of 200 requests failed, 0 of {rollout.current.requests} on the current version, 1.00 times as slow, "
        "0.0% differ",
    )


def test_a_candidate_that_fails_a_little_more_often_goes_in_the_end() -> None:
    rollout = Rollout(CANARY)
    verdict = simulate(rollout, every(50))
    assert verdict is not None
    assert (verdict.promote, rollout.candidate.requests) == (False, 200)
    assert verdict.reason.startswith("it fails more often: 4 of 200 requests failed")


def test_a_candidate_that_fails_as_often_as_the_current_version_is_no_worse() -> None:
    verdict = simulate(Rollout(CANARY), every(4), current_fails=every(4))
    assert verdict is not None
    assert verdict.promote


def test_a_candidate_that_is_slower_goes() -> None:
    assert simulate(Rollout(CANARY), every(0), candidate_seconds=0.03) == Verdict(
        False, "it is slower: 3.00 times the current version's time, at most 2 is allowed"
    )


def test_one_slow_request_makes_no_slow_version() -> None:
    arm = Arm()
    for seconds in [0.01] * 99 + [60.0]:
        arm.add(seconds, failed=False)
    assert 0.01 < arm.typical_seconds < 0.011


def test_a_candidate_that_answers_differently_goes() -> None:
    rollout = Rollout(CANARY)
    rollout.compare(rows=40, differed=3)
    rollout.compare(rows=10, differed=3)
    assert simulate(rollout, every(0)) == Verdict(
        False, "it answers differently: 6 of 50 rows, at most 10.0% is allowed"
    )


def test_a_candidate_that_always_answers_differently_goes_long_before_its_requests_are_over() -> None:
    rollout = Rollout(RolloutPolicy(Strategy.SHADOW, min_requests=5000))
    for _ in range(19):
        rollout.compare(rows=1, differed=1)
    assert rollout.verdict() is None
    rollout.compare(rows=1, differed=1)
    assert rollout.verdict() == Verdict(False, "it answers differently: 20 of 20 rows, at most 10.0% is allowed")


def test_without_automatic_a_good_candidate_waits_and_a_bad_one_goes_all_the_same() -> None:
    policy = RolloutPolicy(Strategy.CANARY, automatic=False)
    assert simulate(Rollout(policy), every(0)) is None
    for failing in (every(1), every(50)):
        verdict = simulate(Rollout(policy), failing)
        assert verdict is not None
        assert not verdict.promote


def test_there_is_no_verdict_over_a_version_that_there_is_nothing_to_compare_with() -> None:
    rollout = Rollout(RolloutPolicy(Strategy.CANARY, min_requests=5))
    for _ in range(10):
        rollout.candidate.add(0.01, failed=False)
    assert rollout.verdict() is None
    rollout.current.add(0.01, failed=False)
    verdict = rollout.verdict()
    assert verdict is not None
    assert verdict.promote


def test_before_anything_happened_all_rates_are_none() -> None:
    rollout = Rollout(CANARY)
    assert (rollout.latency_ratio, rollout.disagreement, rollout.verdict()) == (0, 0, None)
    assert (Arm().error_rate, Arm().typical_seconds) == (0, 0)


def test_failures_say_nothing_of_the_time_and_no_time_is_a_short_one() -> None:
    arm = Arm()
    arm.add(60.0, failed=True)
    assert arm.typical_seconds == 0
    arm.add(0.0, failed=False)
    assert 0 < arm.typical_seconds < 1e-5
    assert arm.error_rate == 0.5


@pytest.mark.parametrize(("strategy", "route"), [(Strategy.CANARY, Route.CANDIDATE), (Strategy.SHADOW, Route.BOTH)])
def test_every_fourth_request_is_the_candidates_at_25_percent(strategy: Strategy, route: Route) -> None:
    rollout = Rollout(RolloutPolicy(strategy, percent=25))
    routes = [rollout.route() for _ in range(12)]
    assert routes == [Route.CURRENT, Route.CURRENT, Route.CURRENT, route] * 3


@given(st.floats(0.1, 99), st.integers(1, 3000))
def test_the_candidates_share_is_exact_at_any_time(percent: float, requests: int) -> None:
    rollout = Rollout(RolloutPolicy(Strategy.CANARY, percent=percent))
    got = sum(rollout.route() is Route.CANDIDATE for _ in range(requests))
    assert abs(got - requests * percent / 100) <= 1 + 1e-6


@given(st.floats(0.1, 99))
def test_the_candidates_requests_are_evenly_spread(percent: float) -> None:
    rollout = Rollout(RolloutPolicy(Strategy.CANARY, percent=percent))
    places = [number for number in range(3000) if rollout.route() is Route.CANDIDATE]
    gaps = {second - first for first, second in zip(places, islice(places, 1, None), strict=False)}
    assert not gaps or max(gaps) - min(gaps) <= 2  # rounding may move one


@pytest.mark.parametrize(
    ("failures", "requests", "bound"),
    [(0, 20, 0.0), (0, 1_000_000, 0.0), (1, 20, 0.00689), (10, 100, 0.04947), (20, 20, 20 / (20 + 2.33**2))],
)
def test_the_lower_bound_of_known_rates(failures: int, requests: int, bound: float) -> None:
    assert lower_bound(failures, requests) == pytest.approx(bound, abs=1e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_lower_bound_is_wilsons(counts: tuple[int, int]) -> None:
    """The rate that would make what was seen 2.33 standard deviations too many."""
    failures, requests = counts
    bound = lower_bound(failures, requests)
    assert failures / requests - bound == pytest.approx(2.33 * (bound * (1 - bound) / requests) ** 0.5, abs=1e-6)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_same_rate_over_more_requests_is_surer(counts: tuple[int, int]) -> None:
    failures, requests = counts
    assert 0 <= lower_bound(failures, requests) <= lower_bound(10 * failures, 10 * requests) + 1e-12
