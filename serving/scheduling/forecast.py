"""When work will be done: how long batches take on each instance, and what is running there now.

Rule: pure; knows nothing of requests, and nothing of what it has not seen. What ran is noted, and looked at when
somebody asks, since most models' requests have no deadline.
"""

from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from math import ceil, inf, sqrt

from serving.scheduling.latency_model import LatencyModel
from serving.scheduling.scheduler import HERE

_MOST_KINDS = 256
"""Kinds of batches, by their shapes, that are remembered; the one that was used least recently goes."""

_MOST_NOTED = 128
"""Batches; those before them would hardly count any more."""

_LATELY = 5.0
"""Seconds; what was learnt before them may be right no more."""

_HERE = "here"  # a place that no config can name

_QUICK = 200e-6
"""Seconds. To wake a thread, to take turns with it at the interpreter's lock, and to be woken by it takes as long."""

_WORTH_A_TRY = 2e-3
"""Seconds on an instance's thread, part of which went by while it waited for the interpreter's lock."""

_TRIES = 8
"""One after another: the first ones find nothing of theirs in the processor's caches."""

_BETWEEN_TRIES = 256
"""Batches, while those that were tried were not quick."""

_TO_BEGIN = 100e-6
"""Seconds that a batch on another thread costs before it computes, in which no other can begin."""

_MOST_UNREAD = 32
"""Batches after which it is asked again whether they are quick: to learn from many at once takes less time, most of
which somebody who asks alone would wait for."""

_STALL = 20e-3
"""Seconds after which a batch that should have been quick is the last one for a while."""


@dataclass(slots=True)
class _Learnt:
    """Of one kind of batch in one place; `noted` has rows and seconds that the model was not told yet."""

    model: LatencyModel = field(default_factory=LatencyModel)
    at: float = -inf
    noted: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=_MOST_NOTED))

    def note(self, rows: int, seconds: float, now: float) -> None:
        self.noted.append((rows, seconds))
        self.at = now

    def read(self) -> LatencyModel | None:
        while self.noted:
            self.model.observe(*self.noted.popleft())
        return self.model if self.model.seen else None

    def read_roughly(self, rows: int) -> LatencyModel | None:
        """What is known of so many rows; without the latest batches, if there were such before them and the last one
        was quick."""
        is_known = self.model.seen and rows <= self.model.most_rows
        is_like_those = len(self.noted) < _MOST_UNREAD and (not self.noted or self.noted[-1][1] <= _QUICK)
        return self.model if is_known and is_like_those else self.read()


class Forecast:
    """Requests of one `key` run together; a batch of them takes equally long on all instances of one place."""

    def __init__(self, places: Sequence[Hashable]) -> None:
        """One place for each instance."""
        self._places = [*places, _HERE]
        self._kinds_of_places = tuple(dict.fromkeys(places))
        self._learnt: OrderedDict[tuple[Hashable, Hashable], _Learnt] = OrderedDict()
        self._running: list[tuple[_Learnt, int, float] | None] = [None] * len(self._places)  # rows, and since when
        self._tries = 0  # those that were made, then batches that were none, counted from below 0
        self._stalled_at = -inf

    def __repr__(self) -> str:
        return f"<Forecast {len(self._learnt)} kinds of batches, {len(self._places) - 1} instances>"

    def model(self, key: Hashable, instance: int) -> LatencyModel | None:
        """None where nothing is known."""
        learnt = self._learnt.get((key, self._places[instance]))
        return None if learnt is None else learnt.read()

    def quickest(self, key: Hashable) -> LatencyModel | None:
        """Of the places of which something is known."""
        models = [learnt.read() for place in self._kinds_of_places if (learnt := self._learnt.get((key, place)))]
        return min(filter(None, models), key=lambda model: model.expected(1), default=None)

    def is_of_late(self, key: Hashable, now: float) -> bool:
        """Whether such a batch ran in the last seconds, so that what is known can be trusted without a trial."""
        learnt = (self._learnt.get((key, place)) for place in (*self._kinds_of_places, _HERE))
        return any(each is not None and now - each.at <= _LATELY for each in learnt)

    def is_quick(self, key: Hashable, rows: int, now: float, asks_again: bool = False) -> bool:
        """Whether such a batch is over `HERE` before another thread would have begun; one that may be is tried. Who
        `asks_again` of a batch where it is not is counted then."""
        if now - self._stalled_at <= _LATELY:
            return False
        learnt = self._learnt.get((key, _HERE))
        here = None if learnt is None else learnt.read_roughly(rows)
        if here is not None and rows <= 2 * here.most_rows and here.expected(rows) <= _QUICK:
            return True
        there = self.quickest(key)
        if there is None or there.expected(rows) > _WORTH_A_TRY:
            return False
        tries = self._tries + 1 if self._tries < _TRIES else -_BETWEEN_TRIES
        if tries > 0 or not asks_again:
            self._tries = tries
        return tries > 0

    def share(self, key: Hashable, instance: int, rows: int) -> int:
        """How many of so many rows that instance best takes, where others that are idle take as many each.

        Of n instances each computes an n-th of the time that the rows take, and all of them begin one after another:
        the sum of both is least at the root of what the one is of the other.
        """
        idle = sum(running is None for running in self._running[:HERE])
        if instance == HERE or idle < 2 or rows < 2:
            return rows
        model = self.model(key, instance)
        computing = 0.0 if model is None else model.expected(rows) - model.expected(0)
        return ceil(rows / max(1, min(idle, int(sqrt(computing / _TO_BEGIN)))))

    def begin(self, key: Hashable, instance: int, rows: int, now: float) -> None:
        """A batch of so many rows starts there."""
        self._running[instance] = (self._of(key, self._places[instance]), rows, now)

    def end(self, instance: int, now: float, ran: bool) -> None:
        """Unless it `ran`, it came to nothing, which says nothing of how long one takes."""
        running, self._running[instance] = self._running[instance], None
        if running is None:
            return
        learnt, rows, begun = running
        seconds = now - begun
        if instance == HERE and seconds > _STALL:
            self._stalled_at = now
        if instance == HERE and seconds <= _QUICK and learnt.model.expected(rows) > _QUICK:
            learnt.model = LatencyModel()  # it was held up by others, which says nothing of it
            learnt.noted.clear()
        if ran:
            learnt.note(rows, seconds, now)

    def learn(self, key: Hashable, place: Hashable, rows: int, seconds: float, now: float) -> None:
        self._of(key, place).note(rows, seconds, now)

    def seconds_until_start(self, ahead: float, together: int, model: LatencyModel, now: float) -> float:
        """Of a row that `ahead` others precede, which run `together` so many at a time."""
        free = sorted([self._seconds_until_free(instance, now) for instance in range(len(self._running) - 1)])
        rounds, place = divmod(int(ahead // together), len(free))
        return free[place] + rounds * model.expected(together)

    def _seconds_until_free(self, instance: int, now: float) -> float:
        running = self._running[instance]
        if running is None:
            return 0.0
        learnt, rows, begun = running
        model = learnt.read()
        return 0.0 if model is None else max(0.0, begun + model.expected(rows) - now)

    def _of(self, key: Hashable, place: Hashable) -> _Learnt:
        learnt = self._learnt.get((key, place))
        if learnt is None:
            learnt = self._learnt[key, place] = _Learnt()
            if len(self._learnt) > _MOST_KINDS:
                self._learnt.popitem(last=False)
        else:
            self._learnt.move_to_end((key, place))
        return learnt
