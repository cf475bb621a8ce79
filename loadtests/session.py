"""What a load test was asked to find out, and the runs that find it. Rule: whatever was found is in one document."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from loadtests.enough import enough
from loadtests.finding import Search
from loadtests.objective import Measure, Objective
from loadtests.replicas import Assumptions, replicas, use, values
from loadtests.result import Result
from loadtests.result_file import Document
from loadtests.run import Plan, Progress, Target, run
from loadtests.terms import UnknownTerms


@dataclass(frozen=True, slots=True)
class Question:
    """With `objectives` the highest rate that holds them is looked for, and with a `peak` how many replicas that rate
    needs; `sweep` asks for latency at each rate. Otherwise the load itself is made, until p99 is sure within
    `precision` if that is given."""

    objectives: tuple[Objective, ...] = ()
    peak: float | None = None
    sweep: bool = False
    precision: float | None = None

    def check(self, target: Target) -> None:
        """Raises `UnknownTerms` where no answer of the target could tell, or not all that was asked."""
        if self.sweep and self.peak is not None:
            raise UnknownTerms("--plan counts replicas of the capacity that --slo finds: leave out --sweep")
        streams = [each for each in self.objectives if each.measure is not Measure.LATENCY]
        if streams and not any(call.stream for call in target.calls):
            raise UnknownTerms(
                f"{streams[0]} is of streams, and {target.model} answers {target.protocol} in one piece: "
                "ask for whole answers, as in --slo 'p99<50ms'"
            )


class Onlooker(Protocol):
    def watch(self, plan: Plan) -> Callable[[Progress], bool]:
        """For a run that is about to begin; see `run.Watch`."""

    def tell(self, result: Result, words: str) -> None:
        """A run is over."""


def answered(target: Target, plan: Plan, question: Question, onlooker: Onlooker) -> Document:
    """Raises `SenderDied`."""
    search = Search(target, plan, question.objectives, onlooker.tell, onlooker.watch)
    if question.sweep:
        return search.curve()
    if question.objectives:
        return with_replicas(search.capacity(), question)
    return _single(target, plan, question, onlooker)


def _single(target: Target, plan: Plan, question: Question, onlooker: Onlooker) -> Document:
    watch = onlooker.watch(plan)

    def over(progress: Progress) -> bool:
        return watch(progress) or (question.precision is not None and enough(progress, question.precision))

    result = run(target, plan, over)
    onlooker.tell(result, "")
    return Document((result,))


def with_replicas(found: Document, question: Question) -> Document:
    """How many the peak needs, where a capacity was found and a peak is asked for."""
    if question.peak is None or not found.decision.get("capacity"):
        return found
    confirmed = found.runs[found.decision["run"]]
    needed = replicas(question.peak, confirmed, use(confirmed), Assumptions(), found.runs)
    return replace(found, decision={**found.decision, "plan": asdict(needed), "values": values(needed)})
