import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import MinPLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from serving.sampling.truncation import draw_likeliest, drop_improbable

GRID = (np.arange(2000) + 0.5) / 2000  # numbers from 0 to 1 that find every token that has 1/2000 of the weight


def weights(seed: int, size: int, scale: float = 2.0) -> np.ndarray:
    logits = np.random.default_rng(seed).standard_normal(size) * scale
    return np.exp(logits - logits.max()).astype(np.float32)


def kept(row: np.ndarray, top_k: int, top_p: float) -> set[int]:
    """The tokens that come for some number."""
    rows = np.tile(row, (len(GRID), 1))
    ids = draw_likeliest(rows, np.full(len(GRID), top_k), np.full(len(GRID), top_p), GRID)
    return set(ids.tolist())


def expected(row: np.ndarray, top_k: int, top_p: float) -> list[int]:
    """The simplest way: rank all, and take from the first on until they have enough."""
    ranked = sorted(range(len(row)), key=lambda token: (-row[token], token))[:top_k]
    goal = top_p * sum(float(row[token]) for token in ranked)
    taken, mass = [], 0.0
    for token in ranked:
        taken.append(token)
        mass += float(row[token])
        if mass >= goal:
            break
    return taken


@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 45), st.floats(0, 1))
@settings(max_examples=50)
def test_the_fewest_likeliest_that_have_enough_may_come(seed: int, size: int, top_k: int, top_p: float) -> None:
    row = weights(seed, size, scale=0.7)
    may_come = expected(row, min(top_k, size), top_p)
    came = kept(row, min(top_k, size), top_p)
    assert came <= set(may_come)
    mass = sum(float(row[token]) for token in may_come)
    assert {token for token in may_come if row[token] > mass / 1000} <= came


@given(st.lists(st.sampled_from([1.0, 0.5, 0.25]), min_size=1, max_size=12), st.integers(1, 12))
def test_of_equal_ones_the_lowest_ids_are_kept(values: list[float], top_k: int) -> None:
    row = np.array(values, np.float32)
    assert kept(row, min(top_k, len(row)), 1.0) == set(expected(row, min(top_k, len(row)), 1.0))


@pytest.mark.parametrize(("top_k", "top_p"), [(5, 1.0), (40, 1.0), (40, 0.8), (1000, 0.9), (1000, 0.5), (1, 1.0)])
def test_transformers_keeps_the_same(top_k: int, top_p: float) -> None:
    row = weights(3, 1000, scale=3.0)
    scores = TopKLogitsWarper(top_k)(None, torch.from_numpy(np.log(row.astype(np.float64)))[None])
    scores = TopPLogitsWarper(top_p)(None, scores)[0]
    theirs = torch.softmax(scores, 0).numpy()
    may_come = set(np.flatnonzero(theirs).tolist())
    assert may_come == set(expected(row, top_k, top_p))
    came = kept(row, top_k, top_p)
    assert set(np.flatnonzero(theirs > 1 / 1000).tolist()) <= came <= may_come


def test_min_p_is_that_of_transformers() -> None:
    row = weights(5, 1000)[None]
    scores = MinPLogitsWarper(0.1)(None, torch.from_numpy(np.log(row)))
    drop_improbable(row, np.array([0.1], np.float32))
    assert np.array_equal(row > 0, torch.softmax(scores, 1).numpy() > 0)
    assert (row > 0).sum() > 1


@pytest.mark.parametrize("size", [300, 5000])
@pytest.mark.parametrize(("top_k", "top_p"), [(256, 1.0), (257, 1.0), (3000, 0.97), (5000, 0.999)])
def test_a_long_head_is_followed_to_its_end(size: int, top_k: int, top_p: float) -> None:
    row = weights(7, size, scale=0.5)
    may_come = expected(row, min(top_k, size), top_p)
    last = draw_likeliest(row[None], np.array([min(top_k, size)]), np.array([top_p]), np.array([1 - 1e-9]))
    assert int(last[0]) == may_come[-1], "the least likely of those that may come"


def test_a_top_p_of_zero_leaves_the_likeliest() -> None:
    assert kept(weights(2, 50), 50, 0.0) == {int(weights(2, 50).argmax())}


def test_what_was_masked_never_comes_even_when_more_are_asked_for() -> None:
    row = np.array([0, 0.5, 0, 1, 0], np.float32)
    assert kept(row, 4, 1.0) == kept(row, 5, 0.999999) == {1, 3}
