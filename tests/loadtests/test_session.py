from collections.abc import Callable

from loadtests.load import Closed, Open
from loadtests.objective import parsed
from loadtests.result import Result
from loadtests.run import Plan, Progress
from loadtests.session import Question, answered
from tests.loadtests.stub_server import stub
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
        plan = Plan(Closed(2), 600.0, warm_up=0.0)
        found = answered(target(url), plan, Question(precision=20.0), Nobody())
    assert found.runs[0].seconds < 600


def test_a_peak_is_told_in_replicas() -> None:
    with stub(service=0.02) as url:
        question = Question((parsed("p50<200ms"),), peak=100_000.0)
        found = answered(target(url), Plan(Closed(1), 0.3, warm_up=0.0), question, Nobody())
    assert found.decision["plan"]["replicas"] * found.decision["capacity"] > 100_000
    assert found.decision["values"]["replicas"] == found.decision["plan"]["replicas"]
