"""Logits of what was said already, made smaller. Rule: the definitions are vLLM's: the prompt counts for the repetition
penalty only."""

from collections.abc import Iterable

import numpy as np

_FIRST_ROOM = 64  # distinct tokens of an answer


class Penalties:
    """Of one sequence. It knows each token that occurred, and how often the answer has it."""

    def __init__(self, repetition: float, presence: float, frequency: float, prompt: Iterable[int]) -> None:
        self._repetition, self._presence, self._frequency = repetition, presence, frequency
        seen = set(prompt if repetition != 1.0 else ())  # not token by token: prompts may be long
        self._places = dict(zip(seen, range(len(seen)), strict=True))
        self._ids = np.concatenate([np.fromiter(seen, np.int64, len(seen)), np.zeros(_FIRST_ROOM, np.int64)])
        self._counts = np.zeros(len(self._ids), np.float32)

    def accept(self, token: int) -> None:
        """The answer goes on with it."""
        place = self._place_of(token)  # it may make room in another array
        self._counts[place] += 1

    def apply(self, logits: np.ndarray) -> None:
        """To one row [V], in place."""
        seen = len(self._places)
        ids, counts = self._ids[:seen], self._counts[:seen]
        values = logits[ids]
        if self._repetition != 1.0:
            values = _repeated(values, np.float32(self._repetition))
        values -= np.float32(self._frequency) * counts
        values -= np.float32(self._presence) * (counts > 0)
        logits[ids] = values

    def _place_of(self, token: int) -> int:
        place = self._places.setdefault(token, len(self._places))
        if place == len(self._ids):
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
            self._counts = np.concatenate([self._counts, np.zeros_like(self._counts)])
        self._ids[place] = token
        return place


def _repeated(values: np.ndarray, penalty: np.float32) -> np.ndarray:
    """A penalty near 0 makes them huge, and never infinite: that would be a model's fault."""
    with np.errstate(over="ignore"):
        return np.minimum(np.where(values > 0, values / penalty, values * penalty), np.finfo(np.float32).max)
