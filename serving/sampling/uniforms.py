"""The random numbers of one sequence. Rule: the one of a position is a function of seed and position alone."""

import numpy as np

_AHEAD = 64  # positions whose numbers are drawn at once
_PER_COUNT = 4  # numbers that Philox makes of each value of its counter
_SEED_BITS = 64


class Uniforms:
    """Seeds are the same where their last 64 bits are."""

    __slots__ = ("_block", "_drawn", "_key")

    def __init__(self, seed: int) -> None:
        self._key = seed % (1 << _SEED_BITS)
        self._block = -1
        self._drawn: list[float] = []

    def at(self, position: int) -> float:
        """In [0, 1), with 53 random bits. Positions that follow one another are cheap."""
        block, place = divmod(position, _AHEAD)
        if block != self._block:
            philox = np.random.Philox(key=self._key, counter=block * (_AHEAD // _PER_COUNT))
            self._block, self._drawn = block, np.random.Generator(philox).random(_AHEAD).tolist()
        return self._drawn[place]
