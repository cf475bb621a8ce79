"""Outcomes as they come, one at a time. Rule: noting one costs a microsecond; it is counted elsewhere."""

from array import array

import numpy as np

from loadtests.clients.client import Reply
from loadtests.messages import Messages
from loadtests.outcomes import Outcomes

_COLUMNS = 7
_MESSAGES = 20  # different ones that are kept in between two looks


class Collecting:
    """`taken` gives what was noted since it was asked last."""

    def __init__(self) -> None:
        self._rows = array("d")
        self._gaps = array("d")
        self._messages = Messages(_MESSAGES)

    def note(self, number: int, intended: float, left: float, finished: float, reply: Reply, start: float) -> None:
        """Times by the monotonic clock, but `intended`, which like what is kept is in seconds since `start`."""
        self._rows.extend(
            (intended, left - start, reply.first - start, finished - start, reply.tokens, reply.status, number)
        )
        if reply.gaps:
            self._gaps.extend(reply.gaps)
        if reply.message:
            self._messages.add(reply.message)

    def taken(self) -> Outcomes:
        rows, gaps, messages = self._rows, self._gaps, self._messages
        self._rows, self._gaps, self._messages = array("d"), array("d"), Messages(_MESSAGES)
        columns = np.frombuffer(rows).reshape(-1, _COLUMNS).T.copy() if rows else np.empty((_COLUMNS, 0))
        intended, left, first, finished, tokens, status, number = columns
        return Outcomes(
            intended,
            left,
            first,
            finished,
            tokens,
            status.astype(np.int64),
            number.astype(np.int64),
            np.array(gaps, np.float64),
            messages.counts,
        )
