"""Whether a decoder's rows are strangers to one another, tried with the model as it was loaded.

Rule: what a row writes beside others is what it writes alone, or the model isn't served; versions of runtimes that
break this compute wrong numbers without a word.
"""

from collections.abc import Sequence

import numpy as np

from serving.backends.decoder import Decoder
from serving.errors import ModelLoadFailed

_TOLERANCE = 1e-4  # of the largest logit, where that is above 1
_ROUNDED = 0.1  # the same; a last bit can decide between two steps of 8 bits. Seen were differences up to 0.02
_LENGTHS = (5, 2, 3)


def check_rows(decoder: Decoder, runtime: str, is_rounded: bool = False) -> None:
    """`is_rounded` where the model computes in 8 bits: then tokens one by one are nearly those as a whole, and rows
    none the less the same alone and beside others. Raises `ModelLoadFailed`. What was in the rows is lost."""
    if decoder.max_length < 2:  # there is nothing to go on from
        return
    lengths = [min(length, decoder.max_length - 1) for length in _LENGTHS[: decoder.rows]]
    prompts = [
        [(7 * row + 3 * n + 1) % decoder.vocab_size for n in range(length)] for row, length in enumerate(lengths)
    ]
    tokens = [(11 * row + 2) % decoder.vocab_size for row in range(len(prompts))]
    alone = [_alone(decoder, prompt, token) for prompt, token in zip(prompts, tokens, strict=True)]
    whole = [decoder.prefill(0, [*prompt, token], 0).copy() for prompt, token in zip(prompts, tokens, strict=True)]
    for row, prompt in enumerate(prompts):
        decoder.prefill(row, prompt, 0)
    together = decoder.decode(tokens, lengths)
    _compare(together, alone, "beside others and alone", runtime, _TOLERANCE)
    _compare(together, whole, "one by one and as a whole", runtime, _ROUNDED if is_rounded else _TOLERANCE)


def _alone(decoder: Decoder, prompt: Sequence[int], token: int) -> np.ndarray:
    decoder.prefill(0, prompt, 0)
    logits: np.ndarray = decoder.decode([token], [len(prompt)])[0].copy()
    return logits


def _compare(found: np.ndarray, expected: Sequence[np.ndarray], what: str, runtime: str, tolerance: float) -> None:
    for row, other in zip(found, expected, strict=True):
        difference = float(np.max(np.abs(row - other)))
        if not difference <= tolerance * max(1.0, float(np.max(np.abs(other)))):  # also where it is no number
            raise ModelLoadFailed(
                f"{runtime} computes other logits for tokens {what}, by {difference:.2g}, so that requests would "
                "change one another's answers; another version of it may not"
            )
