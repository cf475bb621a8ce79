from collections import Counter

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import RepetitionPenaltyLogitsProcessor

from serving.sampling.penalties import Penalties

V = 300
TOKENS = st.lists(st.integers(0, V - 1), max_size=200)


@given(st.floats(0.5, 2), st.floats(-2, 2), st.floats(-2, 2), TOKENS, TOKENS)
def test_they_are_what_vllm_defines(
    repetition: float, presence: float, frequency: float, prompt: list[int], answer: list[int]
) -> None:
    logits = np.random.default_rng(len(answer)).standard_normal(V).astype(np.float32)
    expected = logits.astype(np.float64)
    for token in set(prompt) | set(answer):
        expected[token] *= repetition if expected[token] <= 0 else 1 / repetition
    for token, count in Counter(answer).items():
        expected[token] -= frequency * count + presence
    penalties = Penalties(repetition, presence, frequency, prompt)
    for token in answer:
        penalties.accept(token)
    penalties.apply(logits)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-4)


@given(st.floats(0.5, 2), TOKENS, TOKENS)
def test_the_repetition_penalty_is_that_of_transformers(penalty: float, prompt: list[int], answer: list[int]) -> None:
    logits = np.random.default_rng(1).standard_normal(V).astype(np.float32)
    ids = torch.tensor([[*prompt, *answer]], dtype=torch.int64)
    theirs = RepetitionPenaltyLogitsProcessor(penalty)(ids, torch.from_numpy(logits.copy())[None])[0].numpy()
    penalties = Penalties(penalty, 0.0, 0.0, prompt)
    for token in answer:
        penalties.accept(token)
    penalties.apply(logits)
    np.testing.assert_allclose(logits, theirs, rtol=1e-6)


def test_a_penalty_near_zero_makes_no_logit_infinite() -> None:
    logits = np.array([1e5, 2.0, -np.inf], np.float32)
    Penalties(1e-38, 0.0, 0.0, [0, 2]).apply(logits)
    assert logits.tolist() == [np.finfo(np.float32).max, 2.0, -np.inf]


def test_an_answer_may_have_any_number_of_distinct_tokens() -> None:
    penalties = Penalties(repetition=1.0, presence=0.0, frequency=0.5, prompt=())
    for token in range(200):
        penalties.accept(token)
    logits = np.zeros(300, np.float32)
    penalties.apply(logits)
    assert logits.tolist() == [-0.5] * 200 + [0.0] * 100
