"""Where an answer ends because of what it says.

Rule: text that may yet turn out to be a stop string is held back; the stop string that is complete first counts, and
of those that end together the longest. The work for a character is the same for one stop string and for many.
"""

from collections import deque
from collections.abc import Iterable


class StopStrings:
    """An automaton (Aho and Corasick's) whose state is the longest end of the text that a stop string begins with.

    A copy of one that was told nothing yet is another answer's, without the work of making the automaton."""

    def __init__(self, stops: Iterable[str], include: bool = False) -> None:
        """`include` says whether the stop string itself is shown. None of `stops` is empty."""
        self._include = include
        self._automaton = _Automaton(stops)
        self._state = 0
        self._held = ""
        self.matched: str | None = None

    def __repr__(self) -> str:
        return f"<StopStrings {len(self._held)} characters held, matched {self.matched!r}>"

    def add(self, text: str) -> tuple[str, bool]:
        """What may be shown, and whether the answer ends here. After that nothing is shown any more."""
        if self.matched is not None:
            return "", True
        automaton, state = self._automaton, self._state
        if not automaton.has_stops:
            return text, False
        for position, character in enumerate(text):
            state = automaton.after(state, character)
            if stop := automaton.stops[state]:
                return self._stopped(self._held + text[: position + 1], stop), True
        self._state = state
        return self._hold(self._held + text, automaton.depths[state]), False

    def end(self) -> str:
        """What was held back, when the answer ended without a stop string."""
        return self._hold(self._held, 0)

    def _stopped(self, text: str, stop: str) -> str:
        self.matched = stop
        self._held = ""
        return text if self._include else text[: len(text) - len(stop)]

    def _hold(self, text: str, count: int) -> str:
        shown = text[: len(text) - count]
        self._held = text[len(shown) :]
        return shown


class _Automaton:
    """State 0 is the start; `depths` are the characters that led to a state, `stops` what ends there, "" for none."""

    def __init__(self, stops: Iterable[str]) -> None:
        self._next: list[dict[str, int]] = [{}]
        self._fallback = [0]
        self.depths = [0]
        self.stops = [""]
        for stop in stops:
            self._insert(stop)
        self.has_stops = len(self.depths) > 1
        self._link()

    def after(self, state: int, character: str) -> int:
        following = self._next
        while (found := following[state].get(character)) is None and state:
            state = self._fallback[state]
        return found or 0

    def _insert(self, stop: str) -> None:
        state = 0
        for character in stop:
            state = self._next[state].setdefault(character, len(self.depths))
            if state == len(self.depths):
                self._next.append({})
                self._fallback.append(0)
                self.depths.append(0)
                self.stops.append("")
        self.stops[state] = stop

    def _link(self) -> None:
        waiting = deque([0])
        while waiting:
            state = waiting.popleft()
            for character, child in self._next[state].items():
                self.depths[child] = self.depths[state] + 1
                self._fallback[child] = self.after(self._fallback[state], character) if state else 0
                self.stops[child] = self.stops[child] or self.stops[self._fallback[child]]
                waiting.append(child)
