"""What waits to be told to a collector, and the thread that tells it.

Rule: whoever has something to tell never waits; a collector that is slow or down loses spans, which are counted, and
the log says so once.
"""

import logging
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from serving.core.visit import Visit

log = logging.getLogger("slipway")


class Sent(NamedTuple):
    """How many spans they were, and why they did not arrive, where they did not."""

    spans: int
    trouble: str = ""


class Sender(Protocol):
    """Belongs to the queue's thread, but for `close`."""

    def send(self, visits: Sequence[Visit], /) -> Sent:
        """Blocks, but not for ever."""

    def close(self) -> None:
        """Also what is being sent ends then."""


@dataclass(frozen=True, slots=True)
class Limits:
    """In spans and seconds: so many may wait, so many are sent together, and after so long what there is."""

    waiting: int = 16384
    together: int = 512
    delay: float = 5.0


class SpanQueue:
    """`put` belongs to one thread; the counts may be read from any."""

    def __init__(self, sender: Sender, limits: Limits) -> None:
        self.exported = self.lost = 0
        self._sender = sender
        self._limits = limits
        self._visits: deque[tuple[Visit, int]] = deque()  # a visit may have more to tell later, its place is the same
        self._put = self._taken = 0  # spans; each is counted by one thread
        self._has_work = threading.Event()
        self._is_closing = False
        self._refused = 0  # spans that found no room
        self._failed = 0  # spans that did not arrive
        self._is_down = False
        self._is_full = False
        self._thread = threading.Thread(target=self._run, name="spans", daemon=True)
        self._thread.start()

    def __repr__(self) -> str:
        return f"<SpanQueue {self._put - self._taken} spans waiting>"

    def put(self, visit: Visit) -> None:
        """One that is traced and over."""
        count, waiting = about(visit), self._put - self._taken
        if waiting + count > self._limits.waiting or self._is_closing:
            self._lose(count)
            return
        self._visits.append((visit, count))
        self._put += count
        if waiting + count >= self._limits.together:
            self._has_work.set()

    def close(self, seconds: float) -> None:
        """Send what waits, for at most so long; a collector that is down is not waited for. Blocks."""
        self._is_closing = True
        self._has_work.set()
        if not self._is_down:
            self._thread.join(seconds)
        self._sender.close()
        left = self._put - self._taken
        if left:
            self._refused += left
            self.lost = self._refused + self._failed
            log.warning("%d spans had not reached the collector when the server ended", left)

    def _lose(self, count: int) -> None:
        self._refused += count
        self.lost = self._refused + self._failed
        if not self._is_full and not self._is_down:
            self._is_full = True
            log.warning("more is traced than the collector takes; spans are lost, see slipway_trace_spans_lost_total")

    def _run(self) -> None:
        while True:
            self._has_work.wait(self._limits.delay)
            self._has_work.clear()
            is_closing = self._is_closing
            while self._visits:
                self._send(*self._next())
                if self._is_closing and self._is_down:
                    return
            if is_closing:
                return

    def _next(self) -> tuple[list[Visit], int]:
        """With the places that they take."""
        visits: list[Visit] = []
        count = 0
        while self._visits and count < self._limits.together:
            visit, its = self._visits.popleft()
            count += its
            visits.append(visit)
        return visits, count

    def _send(self, visits: Sequence[Visit], places: int) -> None:
        spans, trouble = self._sender.send(visits)
        self._taken += places
        if trouble:
            self._failed += spans
            self.lost = self._refused + self._failed
            if not self._is_down:
                log.warning("spans do not reach the collector and are lost: %s", trouble)
        else:
            self.exported += spans
            if self._is_down:
                log.warning("spans reach the collector again; %d were lost so far", self.lost)
        self._is_down = bool(trouble)


def about(visit: Visit) -> int:
    """How many spans tell of it."""
    return 1 + sum(
        1
        + 4 * len(timeline.written)
        + sum(5 + (run.batch.model != timeline.model) + (run.batch.members[:1] == [run]) for run in timeline.runs)
        for timeline in visit.timelines
    )
