"""What a person may say of how pictures are read.

Rule: options that exist are within range.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from training.config import check
from training.settings import Value

LARGEST_BY_ITSELF = 64  # pixels; larger sides only where they are asked for
_SIDES = range(4, 257)


@dataclass(frozen=True, slots=True)
class Options:
    """`side` in pixels and `channels`, 1 for grey and 3 for colour; 0 is what most of the pictures have. Raises
    `InvalidConfig`."""

    side: int = 0
    channels: int = 0

    def __post_init__(self) -> None:
        allowed = f"from {_SIDES.start} to {_SIDES.stop - 1}, or 0 for that of most pictures"
        check("data.side", self.side, self.side == 0 or self.side in _SIDES, allowed)
        check("data.channels", self.channels, self.channels in (0, 1, 3), "1 for grey, 3 for colour, or 0 to see")

    @classmethod
    def of(cls, options: Mapping[str, Value]) -> "Options":
        return cls(int(options.get("side", 0)), int(options.get("channels", 0)))


def side_of(found: Iterable[int], options: Options) -> int:
    """The one that is asked for, or that most of those `found` have, within what a small network takes."""
    if options.side:
        return options.side
    counted = Counter(max(_SIDES.start, min(side, LARGEST_BY_ITSELF)) for side in found)
    return max(counted, key=lambda side: (counted[side], side), default=LARGEST_BY_ITSELF)
