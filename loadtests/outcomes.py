"""What became of requests, as columns. Rule: one row for each request that was due, whatever happened to it."""

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

NO_ANSWER = 0
"""The status of a request whose connection could not be made, or broke."""
TIMED_OUT = -1
NOT_SENT = -2
"""Too many others were under way, or this machine has no more connections: the load was not what it was meant to be."""


class Fate(StrEnum):
    ANSWERED = "answered"
    REFUSED = "refused"
    """At the door: 429 and 503, or what they are in gRPC."""
    FAILED = "failed"
    LOST = "lost"
    LATE = "late"
    """No answer within the time that the load test waits for one, or told so by the server (504)."""
    UNSENT = "unsent"


_FATES = {429: Fate.REFUSED, 503: Fate.REFUSED, 504: Fate.LATE} | {
    NO_ANSWER: Fate.LOST,
    TIMED_OUT: Fate.LATE,
    NOT_SENT: Fate.UNSENT,
}


def fate(status: int) -> Fate:
    return Fate.ANSWERED if 200 <= status < 300 else _FATES.get(status, Fate.FAILED)


@dataclass(frozen=True, slots=True)
class Outcomes:
    """float64 [n] each but `status` and `number`, int64 [n]. Times are in seconds since the load began, negative while
    it warms up.

    `intended` is when a request was meant to leave, `left` when it did, `first` when the first event of a stream came
    (NaN where there was none), `finished` when all was there; `tokens` counts a stream's events. `number` is the
    request's own. `gaps` are the seconds between events of all streams; `messages` says how often a server said what
    about requests that it did not answer.
    """

    intended: np.ndarray
    left: np.ndarray
    first: np.ndarray
    finished: np.ndarray
    tokens: np.ndarray
    status: np.ndarray
    number: np.ndarray
    gaps: np.ndarray
    messages: Counter[str] = field(default_factory=Counter)

    def __len__(self) -> int:
        return len(self.status)
