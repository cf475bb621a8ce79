from dataclasses import replace
from io import StringIO

import numpy as np
from rich.console import Console

from loadtests.capacity import Trial
from loadtests.conclusions import capacity_found
from loadtests.objective import parsed
from loadtests.result_file import Document
from loadtests.screen import Screen
from tests.loadtests.results import result_of

RUN = result_of(np.full(990, 0.01), refused=10)


def shown(document: Document) -> tuple[bool, str]:
    out = StringIO()
    fine = Screen(Console(file=out, width=200)).concluded(document)
    return fine, out.getvalue()


def test_an_invalid_run_is_told_and_not_fine() -> None:
    assert shown(Document((RUN,)))[0]
    fine, words = shown(Document((replace(RUN, invalid=("left late",)),)))
    assert not fine
    assert "INVALID: left late" in words


def test_a_capacity_is_told_with_what_came_of_the_requests() -> None:
    objectives = (parsed("p98<50ms"),)
    fine, words = shown(Document((RUN,), capacity_found([RUN], objectives, RUN, [Trial(100, True)])))
    assert fine
    assert "100 requests/s hold p98<50ms" in words
    assert "1.00% refused" in words
    fine, words = shown(Document((RUN,), capacity_found([RUN], objectives, None, [Trial(100, False)])))
    assert not fine
    assert "no rate was found" in words


def test_a_run_is_told_in_a_line() -> None:
    out = StringIO()
    Screen(Console(file=out, width=300)).tell(RUN, "held")
    assert "100 requests/s: 99 answered/s, 10 not answered, p50 10.0" in out.getvalue()
