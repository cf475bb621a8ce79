import pytest

from loadtests.benchmarks.fates import Fate, Figures, Outcome, best, figures

A, R, D, F = Outcome.ANSWERED, Outcome.REFUSED, Outcome.DROPPED, Outcome.FAILED


def test_every_request_counts_once() -> None:
    latencies = {A: [0.1, 0.2, 0.4], R: [0.001], D: [0.05], F: [0.0]}
    fates = [Fate(0.0, 0.2, seconds, outcome) for outcome, all_of_it in latencies.items() for seconds in all_of_it]
    found = figures(fates, 0.0, 2.0)
    assert found.sent == 6
    assert (found.in_time, found.late, found.refused) == pytest.approx((33.33, 16.67, 16.67))
    assert (found.dropped, found.failed) == pytest.approx((16.67, 16.67))
    assert (found.goodput, found.throughput) == (1.0, 1.5)
    assert (found.p50, found.refused_p99, found.dropped_p99) == (200, 1, 50)


def test_classes_are_told_apart_the_tightest_first() -> None:
    fates = [Fate(0.0, 1.0, 0.5, A), Fate(0.0, 0.1, 0.5, A), Fate(0.0, 0.1, 0.05, A), Fate(0.0, 1.0, 0.5, R)]
    assert figures(fates, 0.0, 1.0).attainment == (50, 50)
    assert figures(fates[:2], 0.0, 1.0).attainment == (0, 100)


def test_how_late_those_left_that_are_judged_is_told() -> None:
    fates = [Fate(at, 1.0, 0.1, A, slip) for at, slip in ((0.0, 0.5), (1.0, 0.002), (1.5, 0.002))]
    assert figures(fates, 1.0, 2.0).slip_p99 == 2


def test_only_what_was_to_leave_in_the_window_is_judged() -> None:
    fates = [Fate(at, 1.0, 0.8, A) for at in (0.0, 0.5, 1.0, 1.5, 2.0)]
    found = figures(fates, 0.5, 2.0)
    assert (found.sent, found.goodput) == (3, 2)
    assert found.throughput == pytest.approx(3 / 1.5), "answered at 0.8, 1.3 and 1.8"


def test_a_run_without_requests_has_figures() -> None:
    found = figures([], 0.0, 1.0)
    assert (found.sent, found.in_time, found.goodput, found.p99, found.attainment) == (0, 0, 0, 0, ())


def test_the_best_setting_is_that_of_the_highest_median() -> None:
    def rounds(*goodputs: float) -> list[Figures]:
        return [figures([Fate(0.0, 1.0, 0.1, A)] * round(each), 0.0, 1.0) for each in goodputs]

    steady, lucky = rounds(5, 5, 5), rounds(1, 1, 9)
    assert best([lucky, steady]) is steady
