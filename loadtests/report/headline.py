"""What was found, in a sentence that needs no plot. Rule: nothing is concluded from a run that says nothing."""

from collections.abc import Sequence
from typing import Any

from loadtests.comparison import Change, Verdict
from loadtests.conclusions import nothing_held, to_be_told
from loadtests.outcomes import Fate
from loadtests.result import Ending, Result
from loadtests.result_file import Document
from loadtests.result_view import load_in_words
from training.report.section import Text


def headline(document: Document) -> Text:
    decision, run = document.decision, to_be_told(document)
    if decision.get("kind") == "capacity":
        return _capacity(decision, run)
    if decision.get("kind") == "curve":
        knee = decision["knee"]
        words = f"The knee is at {knee:.4g} requests/s." if knee else "Nothing was answered."
        return Text(words, "good" if knee else "bad")
    if run.invalid:
        return Text("Nothing can be concluded from this run.", "bad")
    return _single(run)


def _capacity(decision: dict[str, Any], run: Result) -> Text:
    if not decision["capacity"]:
        words = nothing_held(decision)
        return Text(f"{words[0].upper()}{words[1:]}.", "bad")
    asked = ", ".join(decision["objectives"])
    words = (
        f"{decision['capacity']:.4g} requests/s hold {asked}: {decision['attainment']:.2%} were in time, "
        f"p99 was {run.latency.p99:.2f} ms."
    )
    if plan := decision.get("plan"):
        words += f" {plan['wanted']:g} requests/s need {plan['replicas']} replicas."
    return Text(words, "good")


def _single(run: Result) -> Text:
    share = run.fates.get(Fate.ANSWERED, 0) / run.requests
    latency, sure = run.latency, run.latency.p99_interval
    interval = f" ({sure[0]:.2f} to {sure[1]:.2f} with 95 % confidence)" if sure else ""
    ended = " until Ctrl-C" if run.ended == Ending.INTERRUPTED else ""
    words = (
        f"At {load_in_words(run)}{ended}, half of all answers came within {latency.p50:.2f} ms and 99 % within "
        f"{latency.p99:.2f} ms{interval}. "
    )
    return Text(words + _answered(share), "good" if share == 1 else "bad")


def _answered(share: float) -> str:
    return "Every request was answered." if share == 1 else f"{1 - share:.2%} of the requests were not answered."


def comparison_headline(changes: Sequence[Change], verdict: Verdict, invalid: Sequence[str]) -> Text:
    if invalid:
        return Text(f"Nothing can be concluded: {invalid[0]}.", "bad")
    p99 = next(change for change in changes if change.name == "p99")
    figures = f"p99 went from {p99.before:.2f} to {p99.after:.2f} ms"
    words = {
        Verdict.SLOWER: f"B is slower: {figures}.",
        Verdict.FASTER: f"B is faster: {figures}.",
        Verdict.SAME: f"B is as fast as A, within the tolerance: {figures}.",
        Verdict.UNCLEAR: f"B is perhaps slower, perhaps not; longer runs would tell: {figures}.",
    }
    return Text(words[verdict], {Verdict.SLOWER: "bad", Verdict.UNCLEAR: ""}.get(verdict, "good"))
