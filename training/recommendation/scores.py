"""How good recommendations are: where in a list, best first, is what a user really had next?

Rule: `following` are item numbers [rows]; lists are item numbers [rows, K].
"""

from collections.abc import Mapping, Sequence

import numpy as np

_TOP = 10


def ranking_scores(lists: np.ndarray, following: np.ndarray) -> Mapping[str, float]:
    """`hit_rate_10`: in how many rows it is among the first ten; `ndcg_10` counts it less the later it comes there;
    `mrr` is the mean of one over its place, 0 where it is not in the list."""
    found = lists == following[:, None]
    return _scores(np.where(found.any(axis=1), found.argmax(axis=1), np.inf))


def popularity_scores(
    popular: Sequence[int], known: np.ndarray, following: np.ndarray, listed: int
) -> Mapping[str, float]:
    """Of a list that is the same for all: `popular`, all items, without what the user is `known` to have, [rows, any],
    -1 for nothing; `listed` is the length of the lists."""
    places = np.argsort(popular)
    wanted = places[following]
    ahead = ((known >= 0) & (places[known] < wanted[:, None])).sum(axis=1)
    left = (wanted - ahead).astype(np.float64)
    return _scores(np.where(left < listed, left, np.inf))


def _scores(places: np.ndarray) -> Mapping[str, float]:
    """`places` from 0, infinite for none."""
    hits = places < _TOP
    return {
        f"hit_rate_{_TOP}": float(hits.mean()),
        f"ndcg_{_TOP}": float(np.where(hits, 1 / np.log2(places + 2), 0).mean()),
        "mrr": float((1 / (places + 1)).mean()),
    }
