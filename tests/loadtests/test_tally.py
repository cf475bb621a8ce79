from collections import Counter
from math import nan

import numpy as np
import pytest

from loadtests.outcomes import NO_ANSWER, Fate, Outcomes
from loadtests.tally import Tally


def outcomes(*rows: tuple[float, float, float, int], first: float = nan, tokens: int = 0) -> Outcomes:
    """When each was meant to leave, left and was finished, and its status."""
    intended, left, finished, status = (np.array(column) for column in zip(*rows, strict=True))
    count = len(rows)
    gaps = np.full(max(0, tokens - 1), 0.01)
    messages = Counter({"told": int((status >= 300).sum())})
    return Outcomes(
        intended,
        left,
        np.full(count, first),
        finished,
        np.full(count, float(tokens)),
        status.astype(np.int64),
        np.arange(count),
        gaps,
        messages,
    )


def test_latency_counts_from_when_a_request_was_meant_to_leave() -> None:
    tally = Tally(span=1.0)
    tally.add(outcomes((1.0, 1.5, 2.0, 200)))
    assert tally.latency.mean == pytest.approx(1.0)
    assert tally.service.mean == pytest.approx(0.5)
    assert tally.slip.mean == pytest.approx(0.5)


def test_only_answers_have_a_latency_and_every_request_a_fate() -> None:
    tally = Tally(span=1.0)
    tally.add(outcomes((0.1, 0.1, 0.2, 200), (0.2, 0.2, 9.0, 500), (0.3, 0.3, 0.3, 429), (0.4, 0.4, 5.0, NO_ANSWER)))
    assert len(tally.latency) == 1
    assert tally.requests == 4
    assert tally.fates == {Fate.ANSWERED: 1, Fate.FAILED: 1, Fate.REFUSED: 1, Fate.LOST: 1}
    assert tally.statuses == {200: 1, 500: 1, 429: 1, NO_ANSWER: 1}
    assert tally.messages == {"told": 2}


def test_a_request_belongs_to_the_span_in_which_it_was_meant_to_leave() -> None:
    tally = Tally(span=1.0)
    tally.add(outcomes((0.9, 0.9, 3.5, 200), (1.1, 1.1, 1.2, 200), (1.2, 1.2, 1.3, 503)))
    assert {index: len(span.latency) for index, span in tally.spans.items()} == {0: 1, 1: 1}
    assert tally.spans[1].fates == {Fate.ANSWERED: 1, Fate.REFUSED: 1}
    assert tally.last_finish == 3.5


def test_a_stream_has_a_first_event_and_gaps() -> None:
    tally = Tally(span=1.0)
    tally.add(outcomes((0.0, 0.0, 0.4, 200), first=0.25, tokens=5))
    assert tally.first.mean == pytest.approx(0.25)
    assert len(tally.gap) == 4
    assert tally.tokens == 5


def test_in_parts_it_is_the_same_as_at_once() -> None:
    rows = [(time / 10, time / 10, time / 10 + 0.03, 200 if time % 3 else 503) for time in range(60)]
    whole, parts = Tally(span=2.0), Tally(span=2.0)
    whole.add(outcomes(*rows))
    for begin in range(0, 60, 7):
        parts.add(outcomes(*rows[begin : begin + 7]))
    assert parts.latency.encoded() == whole.latency.encoded()
    assert parts.statuses == whole.statuses
    assert {n: span.fates for n, span in parts.spans.items()} == {n: span.fates for n, span in whole.spans.items()}
