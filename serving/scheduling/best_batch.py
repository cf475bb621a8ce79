"""Which size of a batch answers the most rows in time for each second that it takes.

Rule: pure; it looks at a few sizes, and at how many requests have the time for each.
"""

from typing import Protocol

from serving.scheduling.latency_model import LatencyModel


class Waiting(Protocol):
    def rows_after(self, due: float) -> float:
        """About how many rows are due later."""


def best_seconds(waiting: Waiting, model: LatencyModel, max_batch_size: int, now: float) -> float:
    """How long it takes; 0 where no size would be in time. After the early drop of Nexus (Shen et al., SOSP 2019)."""
    best = seconds = 0.0
    size = max_batch_size
    while size >= 1:
        rows = min(size, waiting.rows_after(now + model.safely(size)))
        takes = model.safely(int(rows))
        if rows > best * takes:
            best, seconds = rows / max(takes, 1e-9), takes
        size = size * 3 // 4
    return seconds
