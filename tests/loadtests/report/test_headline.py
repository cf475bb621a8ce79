from dataclasses import replace

import numpy as np

from loadtests.comparison import Change, Verdict
from loadtests.report.headline import comparison_headline, headline
from loadtests.result import Ending
from loadtests.result_file import Document
from tests.loadtests.report.documents import capacity
from tests.loadtests.results import result_of

RUN = result_of(np.full(1000, 0.01))
P99 = Change("p99", "ms", 10.0, 20.0, 2.0, (1.9, 2.1), Verdict.SLOWER)


def test_one_run_is_told_by_what_people_waited() -> None:
    found = headline(Document((RUN,)))
    assert "At 100 requests/s, half of all answers came within 10.0" in found.text
    assert found.text.endswith("Every request was answered.")
    assert found.tone == "good"
    assert "until Ctrl-C" in headline(Document((replace(RUN, ended=Ending.INTERRUPTED),))).text
    assert headline(Document((result_of(np.full(9, 0.01), refused=1),))).tone == "bad"


def test_a_search_is_told_by_the_run_that_shows_it() -> None:
    assert "1000 requests/s need" in headline(capacity()).text
    nothing = headline(replace(capacity(), decision={"kind": "capacity", "capacity": 0.0, "objectives": ["p99<1ms"]}))
    assert (nothing.text, nothing.tone) == ("No rate was found that holds p99<1ms.", "bad")
    assert headline(Document((RUN,), {"kind": "curve", "knee": 80.0})).text == "The knee is at 80 requests/s."


def test_a_comparison_is_told_by_its_verdict() -> None:
    slower = comparison_headline([P99], Verdict.SLOWER, [])
    assert (slower.text, slower.tone) == ("B is slower: p99 went from 10.00 to 20.00 ms.", "bad")
    assert comparison_headline([P99], Verdict.SLOWER, ["A: left late"]).text.startswith("Nothing can be concluded")
