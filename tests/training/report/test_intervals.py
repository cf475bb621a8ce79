import numpy as np
import pytest

from training.report.intervals import Interval, Share, f1_interval, gap, resampled, too_few


def test_a_shares_interval_is_wilsons() -> None:
    """As in Newcombe, 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29."""
    for share, low, high in (
        (Share(81, 263), 0.2553, 0.3662),
        (Share(15, 148), 0.0624, 0.1605),
        (Share(0, 20), 0.0, 0.1611),
        (Share(1, 29), 0.0061, 0.1718),
    ):
        assert (share.interval.low, share.interval.high) == (
            pytest.approx(low, abs=5e-5),
            pytest.approx(high, abs=5e-5),
        )


def test_a_score_of_few_rows_is_told_with_how_many_would_do() -> None:
    words = "20 rows leave it anywhere from 76.4% to 99.1%; about 90 would tell it to within 10 points"
    assert too_few(0.95, 20) == words
    assert "about 390 would" in too_few(0.5, 40)
    assert (too_few(0.95, 102), too_few(1.7, 5)) == ("", "")


def test_of_nothing_nothing_is_known() -> None:
    assert Share(0, 0).interval == Interval(0.0, 1.0)
    assert str(Share(0, 0)) == "-"


def test_a_gaps_interval_is_newcombes() -> None:
    """As in Newcombe, 1998, table II, method 10: 56/70 - 48/80, 9/10 - 3/10, 10/10 - 0/20."""
    for one, other, low, high in (
        (Share(56, 70), Share(48, 80), 0.0524, 0.3339),
        (Share(9, 10), Share(3, 10), 0.1705, 0.8090),
        (Share(10, 10), Share(0, 20), 0.6791, 1.0),
    ):
        found = gap(one, other)
        assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_rows_drawn_anew_tell_how_far_a_mean_varies() -> None:
    values = np.random.default_rng(1).normal(size=400)

    def score(rows: np.ndarray) -> dict[str, float]:
        return {"mean": float(values[rows].mean()), "always": 1.0}

    found = resampled(score, len(values), 500)

    error = values.std() / 20
    assert found["mean"].low == pytest.approx(values.mean() - 1.96 * error, abs=0.3 * error)
    assert found["mean"].high == pytest.approx(values.mean() + 1.96 * error, abs=0.3 * error)
    assert "always" not in found
    assert resampled(score, len(values), 500) == found


def test_f1_of_many_rows_is_surer_than_of_few() -> None:
    few, many = f1_interval(8, 4), f1_interval(800, 400)

    assert few.low < many.low < 0.8 < many.high < few.high


def test_f1_of_a_class_without_mistakes_is_not_certain() -> None:
    found = f1_interval(30, 0)

    assert 0.9 < found.low < 0.96
    assert found.high == pytest.approx(1)
