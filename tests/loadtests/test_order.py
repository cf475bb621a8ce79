"""Recordings as loads are in test_replaying.py."""

import pytest

from loadtests.load import Closed, Open
from loadtests.load_options import LoadOptions
from loadtests.order import ordered
from loadtests.session import Question
from loadtests.terms import UnknownTerms
from tests.running_server import RunningServer


def test_what_was_said_is_a_load_on_a_model_that_answers(tiny_server: RunningServer) -> None:
    options = LoadOptions(
        url=f"{tiny_server.url}/", model="double", rate="50", requests=100, metrics_url="http://x", header=["a: b"]
    )
    order = ordered(options)
    assert (order.plan.load, order.plan.requests) == (Open(50.0), 100)
    assert (order.target.url, order.target.model) == (tiny_server.url, "double")
    assert (order.target.metrics_url, order.target.headers) == ("http://x", (("a", "b"),))
    assert (order.question, order.notes) == (Question(), [])


def test_a_search_begins_with_a_single_caller(tiny_server: RunningServer) -> None:
    order = ordered(LoadOptions(url=tiny_server.url, model="double", slo=["p99<50ms"], plan="5000rps"))
    assert order.plan.load == Closed(1)
    assert order.question.peak == 5000
    assert [str(each) for each in order.question.objectives] == ["p99<50ms"]


def test_what_can_not_be_meant_together_is_told_before_the_server_is_asked() -> None:
    for options, words in (
        (LoadOptions(url="http://localhost:1", rate="50", sweep=True), "look for rates by themselves"),
        (LoadOptions(url="http://localhost:1", plan="50"), "--plan needs to know"),
        (LoadOptions(url="http://localhost:1", header=["x"]), "--header is a name and a value"),
        (LoadOptions(url="http://localhost:1", shape=["x"]), "--shape is an input"),
    ):
        with pytest.raises(UnknownTerms, match=words):
            ordered(options)
