"""What servers said about requests that they did not answer, and how often.

Rule: what differs in numbers only is counted as one, by the first that came, so that what is said seldom is not lost
among what is said a thousand times about other milliseconds.
"""

import re
from collections import Counter

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class Messages:
    """At most so many different ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._first: dict[str, str] = {}
        self._counts: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"<Messages {self._counts.total()}, {len(self._counts)} different>"

    def add(self, message: str, count: int = 1) -> None:
        if message in self._counts:
            self._counts[message] += count
            return
        kind = _NUMBER.sub("0", message)
        first = self._first.get(kind)
        if first is None:
            if len(self._first) >= self._most:
                return
            first = self._first[kind] = message
        self._counts[first] += count

    @property
    def counts(self) -> Counter[str]:
        return self._counts
