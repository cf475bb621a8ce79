"""Searches against a server that serves one request after another, each in 5 ms."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.finding import Search
from loadtests.load import Closed
from loadtests.objective import parsed
from loadtests.result import Ending, Result
from loadtests.run import Plan, Progress
from tests.loadtests.test_run import target


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with stub(service=0.005) as address:
        yield address


def search(url: str, objective: str, told: list[str], first: float | None = None) -> Search:
    def tell(result: Result, words: str) -> None:
        told.append(words)

    def watch(plan: Plan) -> Callable[[Progress], bool]:
        return lambda _: False

    return Search(target(url), Plan(Closed(1), 0.4, warm_up=0.0), (parsed(objective),), tell, watch, first, 0.3)


def test_a_rate_beyond_what_the_server_can_do_is_never_found(url: str) -> None:
    """Of more than 300 a second for 0.4 seconds half wait for longer than that, on any machine."""
    told: list[str] = []
    found = search(url, "p50<100ms", told, first=40.0).capacity()
    assert found.decision["capacity"] <= 350
    assert not any(point["held"] for point in found.decision["points"] if point["offered"] > 350)
    assert len(told) == len(found.runs) == len(found.decision["points"])
    assert found.decision["objectives"] == ["p50<100ms"]


def test_an_impossible_objective_finds_nothing(url: str) -> None:
    found = search(url, "p50<1ms", [], first=0.2).capacity()
    assert found.decision["capacity"] == 0.0


def test_a_curve_goes_on_until_the_server_can_do_no_more(url: str) -> None:
    found = search(url, "p99<1s", []).curve(likely=400.0)
    offered = [point["offered"] for point in found.decision["points"]]
    assert offered == sorted(offered)
    assert found.runs[-1].answered < 0.95 * found.runs[-1].offered
    assert found.decision["knee"] in offered


def test_a_curve_is_whole_where_an_objective_is_missed(url: str) -> None:
    found = search(url, "p50<1ms", []).curve(likely=100.0)
    assert {run.ended for run in found.runs} == {""}
    assert found.runs[-1].offered > 150, "it goes on where the server can do more than was likely"


@pytest.mark.parametrize("seconds", [0.4, 600.0])
def test_a_search_does_not_take_a_server_that_is_gone_for_a_slow_one(seconds: float) -> None:
    """It dies before a try has begun, which then misses more than it may before anybody can say why."""
    with stub(dies_at=0) as url:
        own = search(url, "p99<100ms", [], first=40.0)
        found = replace(own, plan=replace(own.plan, seconds=seconds)).capacity()
    assert len(found.runs) == 1
    assert found.runs[0].invalid
    assert found.decision == {}


def test_a_search_ends_when_its_server_is_gone_and_keeps_its_runs() -> None:
    with stub(dies_at=10) as url:
        own = search(url, "p50<100ms", [], first=40.0)
        found = replace(own, plan=replace(own.plan, seconds=600.0, patience=0.3)).capacity()
    assert [run.ended for run in found.runs] == [Ending.GONE]
    assert found.decision == {}
