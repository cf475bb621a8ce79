import pytest

from loadtests.benchmarks.fates import Fate, Figures, Outcome, figures
from loadtests.benchmarks.overload_report import OURS, TUNED, gain, rows, show_scenario, show_targets, summary


def run(in_time: int, refused: int = 0) -> Figures:
    answered = [Fate(0.0, 0.1, 0.05, Outcome.ANSWERED)] * in_time
    return figures([*answered, *[Fate(0.0, 0.1, 0.004, Outcome.REFUSED)] * refused], 0.0, 1.0)


FOUND = {
    "fixed-delay": [run(1)],
    "queue-timeout-30": [run(20), run(22)],
    "queue-timeout-60": [run(30)],
    "queue-timeout-90": [],
    "deadlines": [run(45, 5), run(50, 5), run(36, 5)],
}


def test_the_best_queue_timeout_stands_for_all() -> None:
    assert list(rows(FOUND)) == ["fixed delay", TUNED, OURS]
    assert rows(FOUND)[TUNED] == [run(30)]
    assert gain(FOUND) == 45 / 30


def test_what_has_no_valid_run_is_left_out() -> None:
    assert list(rows({"fixed-delay": [], "queue-timeout-30": [], "deadlines": [run(1)]})) == [OURS]
    assert gain({"deadlines": [run(1)]}) == 0
    assert rows({}) == {}


def test_tables_and_aims_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show_scenario("bursts", {2.0: FOUND})
    show_targets({"bursts": {1.0: FOUND, 2.0: FOUND}, "nothing": {2.0: {}}}, 100.0)
    printed = capsys.readouterr().out
    assert "2 x, deadlines" in printed
    assert "45 (36 - 50)" in printed
    assert "1.50 at 1 x, 1.50 at 2 x" in printed
    assert "at 2 x: goodput is 100% of its peak" in printed
    assert "until a refusal: 4.0 (4.0 - 4.0) ms" in printed
    assert "nothing: goodput in that of the best queue timeout: no valid runs" in printed


def test_a_summary_has_every_policy_that_ran() -> None:
    found = summary(FOUND)
    assert list(found) == ["fixed-delay", "queue-timeout-30", "queue-timeout-60", "deadlines", "gain"]
    assert found["deadlines"]["goodput"] == {"median": 45, "min": 36, "max": 50}  # type: ignore[index]
