import numpy as np
import pytest

from training.recommendation.scores import popularity_scores, ranking_scores


def test_places_count_as_they_are_defined() -> None:
    lists = np.stack([np.arange(12)] * 4)
    found = ranking_scores(lists, np.array([0, 2, 10, 99]))
    assert found["hit_rate_10"] == 0.5
    assert found["ndcg_10"] == pytest.approx((1 + 0.5) / 4)
    assert found["mrr"] == pytest.approx((1 + 1 / 3 + 1 / 11) / 4)
    assert next(iter(found)) == "hit_rate_10"


def test_what_most_have_is_a_list_without_what_is_known() -> None:
    popular = [4, 0, 1, 3, 2]
    known, following = np.array([[-1, 4, 0], [-1, -1, 2]]), np.array([3, 3])
    lists = np.array([[1, 3, 2], [4, 0, 1]])
    assert popularity_scores(popular, known, following, 3) == ranking_scores(lists, following)
    assert popularity_scores(popular, known, following, 4) == ranking_scores(
        np.array([[1, 3, 2, -1], [4, 0, 1, 3]]), following
    )
