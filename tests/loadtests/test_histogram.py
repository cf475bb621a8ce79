import numpy as np
import pytest
from hdrh.histogram import HdrHistogram

from loadtests.histogram import Histogram, decoded


def recorded(seconds: np.ndarray, digits: int = 3) -> Histogram:
    histogram = Histogram(digits)
    histogram.record(seconds)
    return histogram


@pytest.fixture(scope="module")
def seconds() -> np.ndarray:
    return np.random.default_rng(4).lognormal(-6, 2, 5000)


@pytest.mark.parametrize("digits", [2, 3])
def test_all_at_once_is_what_the_library_records_one_by_one(seconds: np.ndarray, digits: int) -> None:
    one_by_one = HdrHistogram(1, 3_600_000_000, digits)
    for value in np.clip(np.rint(seconds * 1e6), 1, 3_600_000_000):
        one_by_one.record_value(int(value))
    assert recorded(seconds, digits).encoded() == one_by_one.encode().decode()


def test_percentiles_are_within_three_digits(seconds: np.ndarray) -> None:
    histogram = recorded(seconds)
    for percent in (50, 90, 99, 99.9):
        rank = round(percent / 100 * len(seconds))
        assert histogram.percentile(percent) == pytest.approx(np.sort(seconds)[rank - 1], rel=1e-3, abs=2e-6)
    assert histogram.maximum == pytest.approx(seconds.max(), rel=1e-3)
    assert histogram.mean == pytest.approx(seconds.mean())


def test_buckets_stand_for_the_values_that_the_library_says() -> None:
    for digits in (2, 3):
        hdr = HdrHistogram(1, 3_600_000_000, digits)
        indices = np.arange(hdr.counts_len)
        expected = [hdr.get_highest_equivalent_value(hdr.get_value_from_index(int(index))) / 1e6 for index in indices]
        np.testing.assert_array_equal(Histogram(digits).values(indices), expected)


def test_merged_parts_are_the_whole(seconds: np.ndarray) -> None:
    merged = recorded(seconds[:100])
    merged.merge(recorded(seconds[100:]))
    assert merged.encoded() == recorded(seconds).encoded()
    assert merged.mean == pytest.approx(seconds.mean())


def test_what_was_encoded_comes_back(seconds: np.ndarray) -> None:
    histogram = recorded(seconds)
    back = decoded(histogram.encoded(), histogram.mean)
    assert (back.percentile(99), back.mean, len(back)) == (histogram.percentile(99), histogram.mean, 5000)


def test_what_is_out_of_range_counts_as_the_longest_and_the_shortest() -> None:
    histogram = recorded(np.array([0.0, 1e9]))
    assert len(histogram) == 2
    assert histogram.percentile(50) == 1e-6
    assert histogram.maximum == pytest.approx(3600, rel=1e-3)


def test_nothing_has_no_latency() -> None:
    empty = recorded(np.array([]))
    assert (len(empty), empty.mean, empty.maximum, empty.percentile(99)) == (0, 0.0, 0.0, 0.0)
