from io import StringIO

from rich.console import Console

from loadtests.live_view import line, panel
from loadtests.run import Progress
from loadtests.tally import Tally
from tests.loadtests.test_tally import outcomes


def tally() -> Tally:
    """Ten requests a second for four seconds, the last ten of which were refused; one took a second."""
    found = Tally(span=1.0)
    rows = (
        (time / 10, time / 10, time / 10 + (1.0 if time == 5 else 0.01), 429 if time >= 30 else 200)
        for time in range(40)
    )
    found.add(outcomes(*rows))
    return found


def shown(passed: float) -> str:
    out = StringIO()
    Console(file=out, width=120).print(panel(Progress(tally(), passed, 10.0), "load"))
    return out.getvalue()


def test_the_whole_and_the_last_seconds_are_shown() -> None:
    words = shown(4.0)
    assert "4 s, 6 s left" in words
    so_far = next(line for line in words.splitlines() if line.startswith("so far"))
    assert so_far.split()[2:4] == ["10", "7.5"]
    assert "1000." in so_far
    assert "last 4 s" in words
    assert "not answered: 10 refused" in words
    assert "slip" in words


def test_a_span_that_goes_on_is_not_taken_for_a_drop() -> None:
    assert "last 3 s" in shown(3.9)


def test_warming_up_and_waiting_for_the_last_are_told() -> None:
    assert "warming up" in shown(-0.5)
    assert "waiting for the last answers" in shown(10.5)


def test_what_is_under_way_was_due_too() -> None:
    """A server that can't keep up answers some a second of those that come."""
    progress = Progress(tally(), 4.0, 10.0, under_way=120)
    assert "40 a second, 7.5 answered (10 refused), 120 under way" in line(progress)
    out = StringIO()
    Console(file=out, width=120).print(panel(progress, "load"))
    so_far = next(line for line in out.getvalue().splitlines() if line.startswith("so far"))
    assert so_far.split()[2:4] == ["40", "7.5"]
    assert "120 under way" in out.getvalue()


def test_a_line_for_a_log_says_the_same() -> None:
    words = line(Progress(tally(), 4.0, 10.0))
    assert "4.0 of 10 s" in words
    assert "10 a second, 7.5 answered (10 refused)" in words
    assert "p50 10.0" in words
