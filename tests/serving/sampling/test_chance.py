import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.core.generation import SamplingParams
from serving.sampling.chance import by_chance

DRAWS = 40_000


def frequencies(params: SamplingParams, logits: np.ndarray, seed: int = 0) -> np.ndarray:
    rows = np.tile(logits, (DRAWS, 1))
    uniforms = np.random.default_rng(seed).random(DRAWS)
    ids = by_chance(rows, np.full(DRAWS, logits.argmax()), [params] * DRAWS, uniforms)
    return np.bincount(ids, minlength=len(logits))


def softmax(logits: np.ndarray, params: SamplingParams) -> np.ndarray:
    """vLLM's order, in the simplest way."""
    p = np.exp((logits.astype(np.float64) - logits.max()) / params.temperature)
    p[p < params.min_p] = 0
    ranked = np.argsort(-p, kind="stable")
    if params.top_k:
        p[ranked[params.top_k :]] = 0
    p /= p.sum()
    before = np.cumsum(p[ranked]) - p[ranked]
    p[ranked[before >= params.top_p]] = 0
    return p / p.sum()


@pytest.mark.parametrize(
    "params",
    [
        SamplingParams(),
        SamplingParams(temperature=0.6),
        SamplingParams(temperature=2.0, top_k=12),
        SamplingParams(top_p=0.8),
        SamplingParams(temperature=1.3, min_p=0.1),
        SamplingParams(temperature=1.5, top_k=20, top_p=0.9, min_p=0.02),
    ],
    ids=str,
)
def test_tokens_are_as_frequent_as_they_are_probable(params: SamplingParams) -> None:
    logits = (np.random.default_rng(1).standard_normal(30) * 1.5).astype(np.float32)
    expected = softmax(logits, params) * DRAWS
    counts = frequencies(params, logits)
    may_come = expected > 0
    assert counts[~may_come].sum() == 0
    statistic = ((counts - expected)[may_come] ** 2 / expected[may_come]).sum()
    freedom = may_come.sum() - 1
    assert statistic < freedom + 4 * np.sqrt(2 * freedom) + 5, "far beyond what chance explains"


SETTINGS = st.builds(
    SamplingParams,
    temperature=st.sampled_from([0.01, 0.7, 1.0, 5.0]),
    top_k=st.sampled_from([-1, 0, 1, 7, 300, 10**6]),
    top_p=st.sampled_from([0.0, 0.3, 0.9, 1.0]),
    min_p=st.sampled_from([0.0, 0.05, 1.0]),
)


@given(st.lists(SETTINGS, min_size=1, max_size=9), st.integers(0, 10**6), st.sampled_from([7, 333, 2051]))
@settings(max_examples=60, deadline=None)
def test_a_row_among_others_is_the_same_as_alone(params: list[SamplingParams], seed: int, vocab_size: int) -> None:
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal((len(params), vocab_size)) * 3).astype(np.float32)
    uniforms = rng.random(len(params))
    best = logits.argmax(axis=1)
    together = by_chance(logits, best, params, uniforms)
    alone = [
        int(by_chance(logits[i : i + 1], best[i : i + 1], [params[i]], uniforms[i : i + 1])[0])
        for i in range(len(params))
    ]
    assert together.tolist() == alone


def test_the_hottest_makes_all_equally_likely() -> None:
    counts = frequencies(SamplingParams(temperature=1e300), np.array([9.0, 0.0, -9.0, -np.inf], np.float32))
    assert counts[3] == 0
    assert counts[:3].min() > DRAWS / 3 * 0.95
