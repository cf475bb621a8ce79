"""When a load has run long enough. Rule: a run is as long as its percentile needs, and no longer."""

from loadtests.interval import interval
from loadtests.run import Progress
from loadtests.terms import FEWEST_SPANS


def enough(progress: Progress, precision: float) -> bool:
    """Whether the 95 % interval of p99 is within `precision` (a share) to either side of it. The span of time that is
    still going on does not count."""
    spans = [span.latency for _, span in sorted(progress.tally.spans.items())][:-1]
    if len(spans) < FEWEST_SPANS:
        return False
    found, p99 = interval(spans, 99), progress.tally.latency.percentile(99)
    return found is not None and found[1] - found[0] <= 2 * precision * p99
