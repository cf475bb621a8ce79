from collections.abc import Callable

import numpy as np
import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.capacity import Trial
from loadtests.conclusions import capacity_found
from loadtests.load import Open
from loadtests.objective import parsed
from loadtests.result import Result
from loadtests.result_file import Document
from loadtests.run import Plan, Progress
from loadtests.session import Question, answered, with_replicas
from loadtests.terms import UnknownTerms
from tests.loadtests.results import result_of
from tests.loadtests.test_run import target


class Nobody:
    def watch(self, _: Plan) -> Callable[[Progress], bool]:
        return lambda _: False

    def tell(self, result: Result, words: str) -> None: ...


def test_without_a_question_the_load_itself_is_made() -> None:
    with stub() as url:
        found = answered(target(url), Plan(Open(50), 0.5, warm_up=0.0), Question(), Nobody())
    assert len(found.runs) == 1
    assert found.decision == {}


def test_a_load_ends_when_its_percentile_is_sure_enough() -> None:
    with stub() as url:
        plan = Plan(Open(20), 600.0, warm_up=0.0)
        found = answered(target(url), plan, Question(precision=20.0), Nobody())
    assert found.runs[0].seconds < 600


def test_what_no_answer_could_tell_is_refused_before_anything_is_sent() -> None:
    whole, streamed = target("http://localhost:1"), target("http://localhost:1", "/events/3")
    of_streams = Question((parsed("p99<1s"), parsed("ttft_p95<200ms")))
    with pytest.raises(UnknownTerms, match="ttft_p95<200ms is of streams"):
        of_streams.check(whole)
    of_streams.check(streamed)
    Question((parsed("p99<1s"),), peak=10.0).check(whole)
    with pytest.raises(UnknownTerms, match=r"--plan .* leave out --sweep"):
        Question((parsed("p99<1s"),), peak=10.0, sweep=True).check(whole)


def test_a_peak_is_told_in_replicas() -> None:
    run = result_of(np.full(1000, 0.01), rate=100)
    objectives = (parsed("p99<50ms"),)
    found = Document((run,), capacity_found([run], objectives, run, [Trial(100, True)]))
    told = with_replicas(found, Question(objectives, peak=1000.0)).decision
    assert told["plan"]["replicas"] == told["values"]["replicas"] == 13
    assert "plan" not in with_replicas(found, Question(objectives)).decision
    cut_short = Document((run,))
    assert with_replicas(cut_short, Question(objectives, peak=1000.0)) == cut_short
    nothing = Document((run,), capacity_found([run], objectives, None, []))
    assert "plan" not in with_replicas(nothing, Question(objectives, peak=1000.0)).decision
