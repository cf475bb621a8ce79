"""A row of figures as one line of blocks. Rule: the largest fills its place, and nothing is an empty one."""

from collections.abc import Sequence
from math import ceil

_BLOCKS = " ▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """Of the last `width` of them."""
    shown = values[-width:]
    most = max(shown, default=0.0)
    return "".join(_BLOCKS[min(8, ceil(8 * value / most))] if most else _BLOCKS[0] for value in shown)
