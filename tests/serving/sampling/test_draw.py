import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.sampling.draw import below, draw, weights_of

LARGEST = np.nextafter(1.0, 0.0)


def row(*weights: float) -> np.ndarray:
    return np.array([weights], np.float32)


def test_weights_are_the_softmax_but_for_their_sum() -> None:
    logits = (np.random.default_rng(0).standard_normal((3, 100)) * 5).astype(np.float32)
    temperatures = np.array([0.5, 1.0, 3.0], np.float32)
    weights = weights_of(logits, logits.max(axis=1), temperatures).astype(np.float64)
    scaled = np.exp(logits.astype(np.float64) / temperatures[:, None])
    np.testing.assert_allclose(
        weights / weights.sum(axis=1, keepdims=True), scaled / scaled.sum(axis=1, keepdims=True), rtol=1e-5
    )
    assert weights.max(axis=1).tolist() == [1, 1, 1]


@pytest.mark.parametrize("temperature", [1e-5, 1e30])
def test_the_coldest_and_the_hottest_are_numbers_too(temperature: float) -> None:
    logits = np.array([[3.0, 1.0, -np.inf, -3e38]], np.float32)
    weights = weights_of(logits, logits.max(axis=1), np.array([temperature], np.float32))
    assert weights[0, [0, 2]].tolist() == [1, 0]
    assert np.isfinite(weights).all()


@given(st.integers(1, 300), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.7, LARGEST]))
def test_it_is_the_token_up_to_which_the_weights_are_more_than_the_number(size: int, seed: int, uniform: float) -> None:
    rng = np.random.default_rng(seed)
    weights = (rng.random((1, size)) * (rng.random((1, size)) < 0.3)).astype(np.float32)
    weights[0, rng.integers(size)] = 1.0
    token = int(draw(weights, np.array([uniform]))[0])
    sums = np.cumsum(weights[0], dtype=np.float64)
    assert weights[0, token] > 0
    before = sums[token - 1] if token else 0.0
    assert before - 1e-5 * sums[-1] <= uniform * sums[-1] <= sums[token] + 1e-5 * sums[-1]


@pytest.mark.parametrize("uniform", [0.0, 0.5, LARGEST])
def test_a_weight_of_zero_never_comes(uniform: float) -> None:
    assert draw(row(0, 0, 1, 0), np.array([uniform])).tolist() == [2]
    assert draw(row(*[0.0] * 200, 1, *[0.0] * 99), np.array([uniform])).tolist() == [200]


def test_a_part_is_always_less_than_the_whole() -> None:
    totals = np.array([1.0, 3.0, 1e-300, 7e15])
    assert (below(np.full(4, LARGEST), totals) < totals).all()
