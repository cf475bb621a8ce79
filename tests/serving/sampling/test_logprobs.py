import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st

from serving.sampling.logprobs import likeliest, normaliser


def test_logprobs_are_those_of_torch() -> None:
    logits = (np.random.default_rng(0).standard_normal(5000) * 4).astype(np.float32)
    ours = logits - normaliser(logits, float(logits.max()))
    np.testing.assert_allclose(ours, torch.from_numpy(logits).double().log_softmax(0).numpy(), atol=1e-5)


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(0, 50))
def test_the_likeliest_come_first_and_of_equal_ones_the_lowest_id(values: list[int], count: int) -> None:
    ranked = sorted(range(len(values)), key=lambda token: (-values[token], token))
    assert likeliest(np.array(values, np.float32), count).tolist() == ranked[:count]


def test_what_can_not_come_is_none_of_the_likeliest() -> None:
    assert likeliest(np.array([-np.inf, 1.0, -np.inf, 0.0], np.float32), 3).tolist() == [1, 3]
