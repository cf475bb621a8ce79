"""What a load test says of servers whose times are known."""

import re

import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.call import Call
from loadtests.load import Closed, Load, Open, Replay, departures
from loadtests.outcomes import Fate
from loadtests.result import Ending
from loadtests.run import _LOOK, Plan, Progress, Target, run


def target(url: str, path: str = "/", timeout: float = 30.0) -> Target:
    return Target(url, "stub", "v2", (Call(path, b"x", stream=path.startswith("/events")),), timeout=timeout)


def plan(load: Load, seconds: float = 1.0) -> Plan:
    return Plan(load, seconds, warm_up=0.0)


def test_a_stall_is_in_the_latency_of_all_who_would_have_come() -> None:
    """A server that answers at once, but for one second in which it answers nobody. Callers who wait for it see that
    as one slow request; those who come when they like know better."""
    with stub(stall_at=50, stall=1.0) as url:
        open_loop = run(target(url), plan(Open(100), seconds=2.5))
    with stub(stall_at=50, stall=1.0) as url:
        closed_loop = run(target(url), plan(Closed(1), seconds=2.5))
    assert open_loop.latency.maximum >= 950
    assert open_loop.latency.p90 >= 500
    assert closed_loop.latency.maximum >= 950
    assert closed_loop.latency.p90 < 500


def test_a_queue_that_grows_is_in_the_latency() -> None:
    """Twice as many requests as it can serve: the last one waits for half of the time that the load takes."""
    with stub(service=0.02) as url:
        result = run(target(url), plan(Open(100, variation=0), seconds=1.5))
    assert result.requests == 150
    assert result.answered <= 51, "and fewer where the machine is busy"
    assert result.latency.maximum >= 1400
    assert result.latency.mean >= 700


@pytest.mark.parametrize("load", [Open(100), Closed(3)], ids=["open", "closed"])
def test_a_load_of_so_many_requests_ends_with_them(load: Load) -> None:
    with stub(service=0.005) as url:
        result = run(target(url), Plan(load, 600, warm_up=0.1, processes=2, requests=20))
    assert (result.requests, result.ended) == (20, Ending.ENOUGH)
    assert result.seconds < 60
    assert result.seconds != _LOOK  # it lasted until the last answer, however often the generator looks
    assert result.answered == pytest.approx(20 / result.seconds, rel=0.01)


def test_what_is_under_way_is_known_while_it_is() -> None:
    """Of 100 requests a second to a server that answers none before a second has passed."""
    seen: list[tuple[int, int]] = []

    def look(progress: Progress) -> bool:
        seen.append((progress.tally.requests, progress.under_way))
        return False

    with stub(stall_at=0, stall=1.0) as url:
        result = run(target(url), plan(Open(100), seconds=1.5), look)
    assert max(under_way for counted, under_way in seen if not counted) > 0
    assert all(counted + under_way <= result.requests for counted, under_way in seen)


def test_what_is_told_is_whole() -> None:
    with stub() as url:
        result = run(target(url, "/status/503"), plan(Open(100), seconds=0.5))
    count = len(list(departures(Open(100), 0.5, 0)))
    assert result.requests == count
    assert result.fates == {"refused": count}
    assert result.statuses == {"503": count}
    assert result.messages == {"told to": count}
    assert sum(sum(moment.fates.values()) for moment in result.moments) == count
    assert result.latency.count == result.answered == 0
    assert result.load == {"kind": "open", "rate": 100, "until": None, "variation": 1.0}
    assert result.generator.cpu_us > 0


def test_streams_have_first_events_and_gaps() -> None:
    with stub() as url:
        result = run(target(url, "/events/5"), plan(Replay((0.0, 0.1, 0.2)), seconds=0.5))
    assert result.first is not None
    assert result.gap is not None
    assert (result.first.count, result.gap.count) == (3, 12)
    assert result.tokens * result.seconds == pytest.approx(15, rel=0.01)


def test_a_server_that_dies_halfway_leaves_what_was_counted() -> None:
    with stub(dies_at=30) as url:
        result = run(target(url), plan(Open(100), seconds=1.0))
    assert result.fates[Fate.ANSWERED] == 30
    assert result.fates[Fate.LOST] == result.requests - 30
    assert any("no connection" in message for message in result.messages)


def test_a_load_ends_when_enough_was_seen() -> None:
    def enough(progress: Progress) -> bool:
        return progress.tally.requests > 20

    with stub() as url:
        result = run(target(url), Plan(Open(100), 600.0, warm_up=0.0), enough)
    assert 20 < result.requests < 6000
    assert result.seconds < 60


def test_a_load_ends_when_its_server_is_gone() -> None:
    with stub(dies_at=30) as url:
        result = run(target(url), Plan(Open(100), 600.0, warm_up=0.0, patience=0.5))
    assert result.ended == Ending.GONE
    assert result.seconds < 60
    assert result.fates[Fate.ANSWERED] == 30
    assert result.fates[Fate.LOST] == result.requests - 30
    assert re.match(r"the server is gone since \d+\.\d", result.invalid[0])
    assert f"{result.seconds:g} of 600 s" in result.invalid[0]


def test_where_it_was_measured_is_told() -> None:
    with stub() as url:
        result = run(target(url), plan(Closed(1), seconds=0.2))
    assert {"cpu", "cores", "memory", "load", "python", "slipway"} <= result.machine.keys()
    assert any("hide how long a stall lasts" in note for note in result.notes)
    assert any("does not tell" in note for note in result.server["notes"])
