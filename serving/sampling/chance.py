"""Random tokens of rows that each have settings of their own. Rule: nothing is computed that no row asked for.

The order is vLLM's: `temperature`, then `min_p`, then `top_k`, then `top_p` of what these left.
"""

from collections.abc import Sequence

import numpy as np

from serving.core.generation import SamplingParams
from serving.sampling.draw import draw, weights_of
from serving.sampling.truncation import draw_likeliest, drop_improbable

_HOTTEST = 1e30  # temperature; more is no different, and would be infinite in float32


def by_chance(
    logits: np.ndarray, best: np.ndarray, params: Sequence[SamplingParams], uniforms: np.ndarray
) -> np.ndarray:
    """Ids [n] from float32 [n, V]; `best` [n] are each row's likeliest, `uniforms` float64 [n] in [0, 1)."""
    rows, vocab_size = np.arange(len(params)), logits.shape[1]
    temperatures = np.array([min(each.temperature, _HOTTEST) for each in params], np.float32)
    weights = weights_of(logits, logits[rows, best], temperatures)
    if any(each.min_p for each in params):
        drop_improbable(weights, np.array([each.min_p for each in params], np.float32))
    top_k = np.array([each.top_k if 0 < each.top_k < vocab_size else vocab_size for each in params])
    top_p = np.array([each.top_p for each in params])
    cut = (top_k < vocab_size) | (top_p < 1.0)
    if cut.all():
        return draw_likeliest(weights, top_k, top_p, uniforms)
    if not cut.any():
        return draw(weights, uniforms)
    ids = np.empty(len(params), np.int64)
    ids[cut] = draw_likeliest(weights[cut], top_k[cut], top_p[cut], uniforms[cut])
    ids[~cut] = draw(weights[~cut], uniforms[~cut])
    return ids
