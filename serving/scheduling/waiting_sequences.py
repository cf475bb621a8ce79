"""Sequences that wait for a row, in the order in which they should get one.

Rule: by priority, inside one by deadline, and then as they came; but whoever has waited for long gets every fourth
turn, whatever else waits, so that nobody waits for ever.
"""

from bisect import bisect_left, insort
from itertools import count, islice
from math import inf

from serving.scheduling.token_sequence import Sequence

Entry = tuple[int, float, int, Sequence]
"""Its priority, its deadline, a number that grows with each entry, and the sequence."""

_PASSES = 3
"""Sequences that may pass one that has waited for long."""


class WaitingSequences:
    """`ageing` is after how many seconds one has waited for long; `default_priority` is what 0 stands for."""

    def __init__(self, ageing: float, default_priority: int) -> None:
        self._ageing = ageing
        self._default_priority = default_priority
        self._entries: dict[Sequence, Entry] = {}  # as they came
        self._order: list[Entry] = []
        self._ticket = count()
        self._passed = 0
        self._next_expiry = inf
        self.tokens = 0
        """Of their prompts."""

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, sequence: Sequence) -> bool:
        return sequence in self._entries

    def add(self, sequence: Sequence) -> None:
        priority = sequence.priority or self._default_priority
        entry = (priority, sequence.deadline, next(self._ticket), sequence)
        self._entries[sequence] = entry
        insort(self._order, entry)
        self.tokens += sequence.prompt_length
        self._next_expiry = min(self._next_expiry, sequence.deadline)

    def remove(self, sequence: Sequence) -> None:
        entry = self._entries.pop(sequence)
        del self._order[bisect_left(self._order, entry)]
        self.tokens -= sequence.prompt_length

    def take(self, sequence: Sequence) -> None:
        """Its turn has come."""
        self._passed = 0 if sequence is next(iter(self._entries)) else self._passed + 1
        self.remove(sequence)

    def first(self, number: int, now: float) -> list[Sequence]:
        """At most so many, whose turns are next."""
        first = [entry[3] for entry in islice(self._order, number)]
        oldest = next(iter(self._entries), None)
        if first and oldest and self._passed >= _PASSES and now - oldest.arrived >= self._ageing:
            first = [oldest, *(sequence for sequence in first if sequence is not oldest)][:number]
        return first

    def pop_expired(self, now: float) -> list[Sequence]:
        if now < self._next_expiry:
            return []
        expired = [it for it in self._entries if it.deadline <= now]
        for sequence in expired:
            self.remove(sequence)
        self._next_expiry = min((it.deadline for it in self._entries), default=inf)
        return expired
