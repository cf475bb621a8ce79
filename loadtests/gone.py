"""Whether a server is gone. Rule: slow is not gone; only connections that break, and nothing else, say so."""

from loadtests.outcomes import Fate
from loadtests.tally import Tally

PATIENCE = 3.0  # seconds


def gone_since(tally: Tally, passed: float, patience: float = PATIENCE) -> float | None:
    """Seconds after the start since which every request lost its connection; None where some did not, or where that
    went on for less than `patience` seconds."""
    since = tally.last_answer
    if passed - since < patience:
        return None
    later = [span.fates for index, span in tally.spans.items() if index * tally.span >= since]
    fates = {fate for span in later for fate, count in span.items() if count}
    return since if fates == {Fate.LOST} else None
