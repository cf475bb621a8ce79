"""How long a step will take, learnt from those that were made.

    seconds ~ a + b * rows that write + c * tokens that are read

Rule: what is read costs what a step took beyond what its rows would have taken alone.
"""

from dataclasses import dataclass, field

from serving.scheduling.latency_model import LatencyModel


@dataclass(slots=True)
class StepTimes:
    _write: LatencyModel = field(default_factory=LatencyModel)
    _read: LatencyModel = field(default_factory=LatencyModel)

    def observe(self, rows: int, tokens: int, seconds: float) -> None:
        """A step wrote in so many rows, read so many tokens, and took so long."""
        if tokens:
            self._read.observe(tokens, max(0.0, seconds - self._write.expected(rows) if rows else seconds))
        elif rows:
            self._write.observe(rows, seconds)

    def tokens_within(self, seconds: float, rows: int) -> int:
        """How many tokens can be read beside so many rows that write, in a step that safely takes so long."""
        return self._read.rows_within(seconds - self._write.safely(rows))
