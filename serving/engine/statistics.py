"""What a model version has done since it was loaded, in the counts that Triton keeps.

Rule: written by the event loop only, once per batch; a scrape may read at any time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class ModelStatistics:
    """Counts and, in whole microseconds, sums of durations.

    `success` and `failure` count requests, `inferences` rows, `executions` runs of the model.
    """

    success: int = 0
    failure: int = 0
    inferences: int = 0
    executions: int = 0
    request_us: int = 0
    queue_us: int = 0
    compute_us: int = 0
    batch_sizes: dict[int, int] = field(default_factory=dict)

    def record(self, waits: Sequence[float], rows: int, failures: int, compute: float) -> None:
        """One execution over requests that waited `waits` seconds in the queue and then ran `compute` seconds."""
        compute_us = round(compute * 1e6)
        queue_us = round(sum(waits) * 1e6)
        self.failure += failures
        self.executions += 1
        self.batch_sizes[rows] = self.batch_sizes.get(rows, 0) + 1
        succeeded = len(waits) - failures
        if succeeded:
            self.success += succeeded
            self.inferences += rows
            self.queue_us += queue_us
            self.compute_us += compute_us * succeeded
            self.request_us += queue_us + compute_us * succeeded
