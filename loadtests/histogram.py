"""How long things took: HDR histograms of seconds.

Rule: histograms are merged, and percentiles are read from the merged ones; percentiles are never averaged.
"""

import numpy as np
from hdrh.histogram import HdrHistogram

_PER_SECOND = 1_000_000  # what is counted are microseconds
_LONGEST = 3_600 * _PER_SECOND


class Histogram:
    """Of 1 microsecond to an hour, each within `digits` significant digits; shorter and longer ones count as those."""

    def __init__(self, digits: int = 3) -> None:
        self._hdr = HdrHistogram(1, _LONGEST, digits)
        self._sum = 0.0

    def __repr__(self) -> str:
        return f"<Histogram of {len(self)}>"

    def __len__(self) -> int:
        return int(self._hdr.get_total_count())

    @property
    def mean(self) -> float:
        return self._sum / len(self) if len(self) else 0.0

    @property
    def maximum(self) -> float:
        return float(self._hdr.get_max_value()) / _PER_SECOND if len(self) else 0.0

    @property
    def counts(self) -> np.ndarray:
        """uint64 [buckets], a view."""
        counts: np.ndarray = np.ctypeslib.as_array(self._hdr.counts)
        return counts

    def values(self, indices: np.ndarray) -> np.ndarray:
        """float64 [n]: the seconds that the buckets of `counts` stand for, the longest of each."""
        half = int(self._hdr.sub_bucket_half_count_magnitude)
        bucket = np.maximum((indices >> half) - 1, 0)
        sub_bucket = indices - (bucket << half)
        highest: np.ndarray = ((sub_bucket + 1) << bucket) - 1
        return highest / _PER_SECOND

    def percentile(self, percent: float) -> float:
        """Seconds; 0 where nothing was recorded."""
        return float(self._hdr.get_value_at_percentile(percent)) / _PER_SECOND if len(self) else 0.0

    def within(self, seconds: float) -> int:
        """How many took at most so long, to the precision of its digits."""
        last = self._indices(np.array([min(_LONGEST, max(1, round(seconds * _PER_SECOND)))]))[0]
        return int(self.counts[: last + 1].sum())

    def record(self, seconds: np.ndarray) -> None:
        """float64 [n], all at once."""
        if not len(seconds):
            return
        values = np.clip(np.rint(seconds * _PER_SECOND), 1, _LONGEST).astype(np.int64)
        self.counts[:] += np.bincount(self._indices(values), minlength=self._hdr.counts_len).astype(np.uint64)
        self._hdr.min_value = min(int(values.min()), self._hdr.min_value)
        self._hdr.max_value = max(int(values.max()), self._hdr.max_value)
        self._hdr.total_count += len(values)
        self._sum += float(seconds.sum())

    def merge(self, other: "Histogram") -> None:
        self._hdr.add(other._hdr)
        self._sum += other._sum

    def encoded(self) -> str:
        """In HdrHistogram's own format (V2, compressed, base64), which its other tools read, of microseconds."""
        return bytes(self._hdr.encode()).decode()

    def _indices(self, values: np.ndarray) -> np.ndarray:
        """int64 [n]: the bucket of each, as HdrHistogram places one.

        The highest bit beyond a sub-bucket's says which power of two a value belongs to.
        """
        half = self._hdr.sub_bucket_half_count_magnitude
        _, exponents = np.frexp((values | self._hdr.sub_bucket_mask).astype(np.float64))
        bucket = exponents.astype(np.int64) - (half + 1)
        indices: np.ndarray = ((bucket + 1) << half) + (values >> bucket) - self._hdr.sub_bucket_half_count
        return indices


def decoded(text: str, mean: float) -> Histogram:
    """What `encoded` wrote, whose exact mean the format doesn't keep."""
    histogram = Histogram()
    histogram._hdr = HdrHistogram.decode(text)
    histogram._sum = mean * len(histogram)
    return histogram
