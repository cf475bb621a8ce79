"""What a whole load came to, counted as it goes.

Rule: nothing is kept for each request, so that a test may last for days.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from loadtests.histogram import Histogram
from loadtests.messages import Messages
from loadtests.outcomes import Fate, Outcomes, fate

_MESSAGES = 50  # different ones that are kept


@dataclass(slots=True)
class Span:
    """Of the requests that were meant to leave in one span of time: latencies of those that were answered."""

    latency: Histogram = field(default_factory=lambda: Histogram(digits=2))
    fates: Counter[Fate] = field(default_factory=Counter)


class Tally:
    """`latency` counts from when a request was meant to leave, `service` from when it did, `slip` is in between; of
    streams `first` is the time to the first event, from when it was meant to leave, and `gap` that between events.
    All but `slip` are those of answered requests.

    `spans` are of `span` seconds each, by their number.
    """

    def __init__(self, span: float) -> None:
        self.span = span
        self.latency = Histogram()
        self.service = Histogram()
        self.slip = Histogram()
        self.first = Histogram()
        self.gap = Histogram()
        self.statuses: Counter[int] = Counter()
        self._messages = Messages(_MESSAGES)
        self.tokens = 0
        self.last_finish = 0.0
        self.last_answer = 0.0
        self.spans: defaultdict[int, Span] = defaultdict(Span)

    def __repr__(self) -> str:
        return f"<Tally of {self.requests}>"

    @property
    def requests(self) -> int:
        return self.statuses.total()

    @property
    def messages(self) -> Counter[str]:
        return self._messages.counts

    @property
    def fates(self) -> Counter[Fate]:
        return _fates(self.statuses)

    def add(self, outcomes: Outcomes) -> None:
        if not len(outcomes):
            return
        answered = (outcomes.status >= 200) & (outcomes.status < 300)
        latency = (outcomes.finished - outcomes.intended)[answered]
        self.latency.record(latency)
        self.service.record((outcomes.finished - outcomes.left)[answered])
        self.slip.record(outcomes.left - outcomes.intended)
        first = (outcomes.first - outcomes.intended)[answered]
        self.first.record(first[~np.isnan(first)])
        self.gap.record(outcomes.gaps)
        self.statuses.update(_counted(outcomes.status))
        for message, count in outcomes.messages.items():
            self._messages.add(message, count)
        self.tokens += int(outcomes.tokens[answered].sum())
        self.last_finish = max(self.last_finish, float(outcomes.finished.max()))
        self.last_answer = max(self.last_answer, float(outcomes.finished[answered].max(initial=0.0)))
        self._add_spans(outcomes, answered, latency)

    def _add_spans(self, outcomes: Outcomes, answered: np.ndarray, latency: np.ndarray) -> None:
        number = (outcomes.intended // self.span).astype(np.int64)
        for index in np.unique(number):
            inside = number == index
            span = self.spans[int(index)]
            span.latency.record(latency[inside[answered]])
            span.fates.update(_fates(_counted(outcomes.status[inside])))


def _counted(statuses: np.ndarray) -> Counter[int]:
    values, counts = np.unique(statuses, return_counts=True)
    return Counter(dict(zip(values.tolist(), counts.tolist(), strict=True)))


def _fates(statuses: Counter[int]) -> Counter[Fate]:
    fates: Counter[Fate] = Counter()
    for status, count in statuses.items():
        fates[fate(status)] += count
    return fates
