"""Which words of a text made a classifier answer as it did, by Captum's integrated gradients over the words' embedding.

Rule: what is explained is the probability that the served model gives, against that for a text of fillers.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import torch
from torch import nn

from training.classification.explanations import NO_CAPTUM, TITLE, telling
from training.report.section import Part, Section, Text, Words

_STEPS = 32  # of the integral
_MOST_TOKENS = 256  # of a text that are shown
_FILLER = 0
_HOW = (
    "Words in blue made the answer more probable than it is for a text of fillers, those in orange less; the stronger "
    "the colour, the more, and the strongest is that of the word that did most."
)


def explained(
    module: nn.Module,
    inputs: Sequence[np.ndarray],
    probabilities: np.ndarray,
    names: Sequence[str],
    spelt: Callable[[int], str],
    special: Collection[int],
) -> Section:
    """Of a few rows. `inputs` are those of `module`, tokens [rows, length] first; `spelt` gives a token's text, and
    those that are `special` stand in every text."""
    try:
        from captum.attr import LayerIntegratedGradients
    except ImportError:
        return Section(TITLE, (Text(NO_CAPTUM),))
    embedding = next(part for part in module.modules() if isinstance(part, nn.Embedding))
    gradients = LayerIntegratedGradients(module, embedding)
    parts: list[Part] = [Text(_HOW)]
    for row in telling(probabilities):
        tokens, *others = (torch.from_numpy(array[row : row + 1]) for array in inputs)
        empty = torch.where(torch.isin(tokens, torch.tensor(sorted(special))), tokens, _FILLER)
        answer = int(probabilities[row].argmax())
        found = gradients.attribute(
            tokens, empty, target=answer, additional_forward_args=tuple(others) or None, n_steps=_STEPS
        )
        weights = found[0].sum(dim=-1).tolist()
        shown = [place for place, token in enumerate(tokens[0].tolist()) if token != _FILLER and token not in special]
        most = max((abs(weights[place]) for place in shown), default=0.0) or 1.0
        words = tuple((spelt(int(tokens[0, place])), weights[place] / most) for place in shown[:_MOST_TOKENS])
        parts.append(Words(words, f"answer {names[answer]}, {probabilities[row, answer]:.1%} sure"))
    return Section(TITLE, tuple(parts))
