"""When work will be done: how long batches take on each instance, and what is running there now.

Rule: pure; knows nothing of requests, and of what it has not seen lately it says nothing.
"""

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import inf

from serving.scheduling.latency_model import LatencyModel
from serving.scheduling.scheduler import HERE

_MOST_KINDS = 256
"""Kinds of batches, by their shapes, that are remembered; the one that was used least recently goes."""

_HERE = "here"  # a place that no config can name

_QUICK = 100e-6
"""Seconds. To wake a thread, to take turns with it at the interpreter's lock, and to be woken by it takes as long."""

_WORTH_A_TRY = 2e-3
"""Seconds on an instance's thread, part of which went by while it waited for the interpreter's lock."""

_TRY_EVERY = 64
"""Batches, while those that were tried were not quick."""

_STALL = 20e-3
"""Seconds after which a batch that should have been quick is the last one for as long as anything is trusted."""

_TRUSTED_FOR = 5.0
"""Seconds without a batch after which what was learnt is tried again before anybody is refused over it."""


@dataclass(slots=True)
class _Learnt:
    model: LatencyModel
    at: float = -inf


class Forecast:
    """Requests of one `key` run together; a batch of them takes equally long on all instances of one place."""

    def __init__(self, places: Sequence[Hashable]) -> None:
        """One place for each instance."""
        self._places = [*places, _HERE]
        self._learnt: OrderedDict[tuple[Hashable, Hashable], _Learnt] = OrderedDict()
        self._untried = _TRY_EVERY  # batches since one that may be quick was tried
        self._stalled_at = -inf
        self._begun = [0.0] * len(self._places)
        self._free_at = [-inf] * len(self._places)

    def __repr__(self) -> str:
        return f"<Forecast {len(self._learnt)} kinds of batches, {len(self._places) - 1} instances>"

    def model(self, key: Hashable, instance: int, now: float) -> LatencyModel | None:
        """None where nothing is known, or nothing lately."""
        return self._lately(key, self._places[instance], now)

    def quickest(self, key: Hashable, now: float) -> LatencyModel | None:
        """Of the places of which something is known."""
        models = [self._lately(key, place, now) for place in dict.fromkeys(self._places[:HERE])]
        return min(filter(None, models), key=lambda model: model.expected(1), default=None)

    def is_quick(self, key: Hashable, rows: int, now: float) -> bool:
        """Whether such a batch is over `HERE` before another thread would have begun; one that may be is tried."""
        if now - self._stalled_at <= _TRUSTED_FOR:
            return False
        here = self.model(key, HERE, now)
        if here is not None and here.expected(rows) <= _QUICK:
            return True
        self._untried += 1
        there = self.quickest(key, now)
        if self._untried < _TRY_EVERY or there is None or there.expected(rows) > _WORTH_A_TRY:
            return False
        self._untried = 0
        return True

    def begin(self, key: Hashable, instance: int, rows: int, now: float) -> None:
        """A batch of so many rows starts there."""
        model = self.model(key, instance, now)
        self._begun[instance] = now
        self._free_at[instance] = now + (0.0 if model is None else model.expected(rows))

    def end(self, key: Hashable, instance: int, rows: int, now: float) -> None:
        """Of so many rows; 0 of one that came to nothing, which says nothing of how long one takes."""
        self._free_at[instance] = -inf
        seconds = now - self._begun[instance]
        if instance == HERE and seconds > _STALL:
            self._stalled_at = now
        if rows:
            self.learn(key, self._places[instance], rows, seconds, now)

    def learn(self, key: Hashable, place: Hashable, rows: int, seconds: float, now: float) -> None:
        learnt = self._learnt.get((key, place))
        if learnt is None:
            learnt = self._learnt[key, place] = _Learnt(LatencyModel())
            if len(self._learnt) > _MOST_KINDS:
                self._learnt.popitem(last=False)
        else:
            self._learnt.move_to_end((key, place))
        learnt.model.observe(rows, seconds)
        learnt.at = now

    def seconds_until_start(self, ahead: float, together: int, model: LatencyModel, now: float) -> float:
        """Of a row that `ahead` others precede, which run `together` so many at a time."""
        free = sorted(max(0.0, at - now) for at in self._free_at[:HERE])
        rounds, place = divmod(int(ahead // together), len(free))
        return free[place] + rounds * model.expected(together)

    def _lately(self, key: Hashable, place: Hashable, now: float) -> LatencyModel | None:
        learnt = self._learnt.get((key, place))
        return None if learnt is None or now - learnt.at > _TRUSTED_FOR else learnt.model
