"""What a model version has done since it was loaded, in the counts that Triton keeps.

Rule: written by the event loop only, once per batch; a scrape may read at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class ModelStatistics:
    """Counts and, in whole microseconds, sums of durations.

    `success` and `failure` count requests, `inferences` rows that were answered, `executions` batches that ran (the
    runs that single out the bad request of a failed batch are part of that batch's).
    """

    success: int = 0
    failure: int = 0
    inferences: int = 0
    executions: int = 0
    request_us: int = 0
    queue_us: int = 0
    compute_us: int = 0

    def record(self, waits: Sequence[float], rows: int, failures: int, compute: float) -> None:
        """One batch: the seconds that each answered request waited, their rows, and the seconds that it ran."""
        self.failure += failures
        self.executions += 1
        self.success += len(waits)
        self.inferences += rows
        queue_us, compute_us = round(sum(waits) * 1e6), round(compute * 1e6) * len(waits)
        self.queue_us += queue_us
        self.compute_us += compute_us
        self.request_us += queue_us + compute_us
