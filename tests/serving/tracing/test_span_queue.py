import logging
import threading
from collections.abc import Sequence

import pytest

from serving.core.timeline import Batch, Timeline
from serving.core.trace_context import TraceContext
from serving.core.visit import Visit
from serving.tracing.span_queue import Limits, Sent, SpanQueue, about
from tests.running_server import until

SOON = Limits(waiting=16, together=4, delay=0.01)


class Sending:
    """What a queue sends to, whose first call goes on until it may."""

    def __init__(self, trouble: str = "", is_stuck: bool = False) -> None:
        self.trouble = trouble
        self.sent: list[int] = []
        self.has_begun, self.may_go_on = threading.Event(), threading.Event()
        if not is_stuck:
            self.may_go_on.set()

    def send(self, visits: Sequence[Visit]) -> Sent:
        self.has_begun.set()
        self.may_go_on.wait()
        self.sent.append(len(visits))
        return Sent(sum(map(about, visits)), self.trouble)

    def close(self) -> None:
        self.may_go_on.set()


def visit(runs: int = 0) -> Visit:
    found = Visit("GET", "/", 0.0, place=TraceContext(1, 1, True))
    if runs:
        found.timelines.append(Timeline("m", trace_id=1))
    for _ in range(runs):
        found.timelines[0].record(0.0, Batch("m", "1", 0.0, 1, 1))
    return found


def test_what_is_put_arrives_and_is_counted() -> None:
    sending = Sending()
    spans = SpanQueue(sending, SOON)
    spans.put(visit())
    spans.put(visit(runs=1))
    until(lambda: spans.exported == 9)
    spans.close(10)
    assert spans.lost == 0


def test_what_waits_at_the_end_is_sent_and_nothing_after_it() -> None:
    sending = Sending()
    spans = SpanQueue(sending, Limits(delay=3600))
    for _ in range(3):
        spans.put(visit())
    spans.close(10)
    spans.put(visit())
    assert (sending.sent, spans.exported, spans.lost) == ([3], 3, 1)


def test_a_collector_that_is_slow_costs_what_finds_no_room_and_the_log_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sending = Sending(is_stuck=True)
    spans = SpanQueue(sending, SOON)
    spans.put(visit())
    assert sending.has_begun.wait(10)
    with caplog.at_level(logging.WARNING):
        for _ in range(20):
            spans.put(visit())
    assert spans.lost == 5, "the one that is being sent has its place until it is"
    assert len(caplog.records) == 1
    sending.may_go_on.set()
    until(lambda: spans.exported == 16)
    spans.close(10)


def test_what_a_visit_has_more_of_after_its_end_takes_no_place_from_others_and_gives_none() -> None:
    """As the runs of a request whose caller left."""
    sending = Sending(is_stuck=True)
    spans = SpanQueue(sending, SOON)
    left = visit(runs=1)
    spans.put(left)
    assert sending.has_begun.wait(10)
    left.timelines[0].record(0.0, Batch("m", "1", 0.0, 1, 1))
    sending.may_go_on.set()
    until(lambda: sending.sent)
    spans.close(10)
    assert repr(spans) == "<SpanQueue 0 spans waiting>"


def test_the_end_does_not_wait_for_a_collector_that_is_stuck_or_down() -> None:
    sending = Sending(is_stuck=True)
    spans = SpanQueue(sending, SOON)
    spans.put(visit())
    assert sending.has_begun.wait(10)
    spans.close(0.01)
    assert spans.lost + spans.exported >= 1
    down = SpanQueue(Sending(trouble="refused"), SOON)
    down.put(visit())
    until(lambda: down.lost == 1)
    down.close(3600)
