import pytest

from loadtests.gone import gone_since
from loadtests.tally import Tally
from tests.loadtests.test_tally import outcomes


def tally(later: int, until: int = 80) -> Tally:
    """A request every tenth of a second, answered in 10 ms for two seconds, and with the status `later` after that."""
    found = Tally(span=1.0)
    times = [number / 10 for number in range(until)]
    found.add(outcomes(*((time, time, time + 0.01, 200 if time < 2 else later) for time in times)))
    return found


def test_a_server_is_gone_when_nothing_but_lost_connections_comes_for_a_while() -> None:
    assert gone_since(tally(later=0), 8.0) == pytest.approx(1.91)
    assert gone_since(tally(later=0, until=40), 4.0) is None


@pytest.mark.parametrize("status", [200, 429, 500, -1])
def test_one_that_is_slow_or_says_no_is_there(status: int) -> None:
    assert gone_since(tally(later=status), 8.0) is None


def test_one_that_was_never_there_is_gone_from_the_beginning() -> None:
    found = Tally(span=1.0)
    assert gone_since(found, 8.0) is None
    found.add(outcomes(*((time / 10, time / 10, time / 10, 0) for time in range(50))))
    assert gone_since(found, 5.0) == 0.0
