from dataclasses import replace
from io import StringIO

import numpy as np
from rich.console import Console

from loadtests.capacity import Trial
from loadtests.conclusions import capacity_found
from loadtests.load import Open
from loadtests.objective import parsed
from loadtests.result import Ending
from loadtests.result_file import Document
from loadtests.run import Plan, Progress
from loadtests.screen import Screen
from tests.loadtests.report.documents import capacity
from tests.loadtests.results import result_of
from tests.loadtests.test_live_view import tally

RUN = result_of(np.full(990, 0.01), refused=10)


def shown(document: Document) -> tuple[int, str]:
    out = StringIO()
    code = Screen(Console(file=out, width=200)).concluded(document)
    return code, out.getvalue()


def test_an_invalid_run_is_told_and_not_fine() -> None:
    assert shown(Document((RUN,)))[0] == 0
    code, words = shown(Document((replace(RUN, invalid=("left late",)),)))
    assert code == 1
    assert "INVALID: left late" in words


def test_where_nothing_was_answered_there_is_no_latency() -> None:
    _, words = shown(Document((result_of(np.array([]), refused=10),)))
    assert next(line for line in words.splitlines() if line.startswith("latency")).split() == ["latency"]


def test_a_capacity_is_told_with_what_came_of_the_requests() -> None:
    objectives = (parsed("p98<50ms"),)
    code, words = shown(Document((RUN,), capacity_found([RUN], objectives, RUN, [Trial(100, True)])))
    assert code == 0
    assert "100 requests/s hold p98<50ms" in words
    assert "1.00% refused" in words
    code, words = shown(Document((RUN,), capacity_found([RUN], objectives, None, [Trial(100, False)])))
    assert code == 1
    assert "no rate was found that holds p98<50ms\n" in words
    assert "generator may be what missed" not in words
    late = capacity_found([RUN], objectives, None, [Trial(100, False, valid=False)])
    assert "generator may be what missed" in shown(Document((RUN,), late))[1]


def test_a_plan_is_told_with_the_targets_of_the_chart() -> None:
    _, words = shown(capacity())
    plan = capacity().decision["plan"]
    assert f"1000 requests/s need {plan['replicas']} replicas, which bear 20% more" in words
    targets = f"requestsPerSecondPerReplica {plan['rate']:g}, requestsInFlightPerReplica {plan['in_flight']:g}"
    assert f"an autoscaler has 15 for them, with {targets}" in words


def test_a_run_is_told_in_a_line() -> None:
    out = StringIO()
    Screen(Console(file=out, width=300)).tell(RUN, "held")
    assert "100 requests/s: 99 answered/s, 10 not answered, p50 10.0" in out.getvalue()


def test_what_ctrl_c_ended_has_the_shells_code() -> None:
    assert shown(Document((replace(RUN, ended=Ending.INTERRUPTED),)))[0] == 130


def test_without_a_terminal_a_run_is_plain_lines() -> None:
    out = StringIO()
    look = Screen(Console(file=out, width=100)).watch(Plan(Open(100), 5.0))
    assert not any(look(Progress(tally(), passed / 10, 5.0)) for passed in range(50))
    lines = out.getvalue().splitlines()
    assert len(lines) == 4
    assert "1.0 of 5 s" in lines[0]
    assert "\x1b" not in out.getvalue()


def test_a_search_shows_its_trials_while_the_next_one_runs() -> None:
    out = StringIO()
    screen = Screen(Console(file=out, width=120, force_terminal=True))
    screen.tell(RUN, "p99<50ms: held")
    look = screen.watch(Plan(Open(100), 5.0))
    look(Progress(tally(), 1.0, 5.0))
    shown_live = out.getvalue()[out.getvalue().index("starting") :]
    screen.close()
    assert "p99<50ms: held" in shown_live
    assert "trial 2" in shown_live
