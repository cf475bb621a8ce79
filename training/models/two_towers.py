"""Two towers: one makes a vector of what a user had, the other has one for each item, and their product says what comes
next.

Rule: items are numbered from 0 and -1 is nothing, here as for whoever asks the served model.
"""

import torch
from torch import Tensor, nn

NEVER = -1e9  # a logit
_SPREAD = 0.1  # of the first vectors


class TwoTowers(nn.Module):
    """Int64 [N, length], newest last, to a logit for each item, [N, items]. `best` is how many are served."""

    def __init__(self, items: int, length: int, width: int, hidden: int, dropout: float, best: int) -> None:
        super().__init__()
        self.items, self.length, self.best = items, length, best
        self.had = nn.Embedding(items + 1, width, padding_idx=0)
        self.recency = nn.Parameter(torch.zeros(length))
        self.user = nn.Sequential(
            nn.Linear(3 * width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width)
        )
        self.item = nn.Linear(width, items)
        nn.init.normal_(self.had.weight, std=_SPREAD)
        nn.init.normal_(self.item.weight, std=_SPREAD)

    def forward(self, history: Tensor) -> Tensor:
        numbers = history + 1
        there = (numbers > 0).float()
        vectors = self.had(numbers) * there[..., None]
        of_all = _mean(vectors, there)
        of_late = _mean(vectors, there * self.recency.exp())
        logits: Tensor = self.item(self.user(torch.cat([of_all, of_late, vectors[:, -1]], dim=1)))
        return logits


def without_known(logits: Tensor, history: Tensor) -> Tensor:
    """Those of items in the history are so low that their probability is exactly 0, while there are others."""
    return torch.where(known(history, logits.shape[1]), NEVER, logits)


def known(history: Tensor, items: int) -> Tensor:
    """Bool [N, items]."""
    places = torch.zeros(history.shape[0], items + 1, device=history.device)
    return places.scatter(1, history + 1, 1.0)[:, 1:] > 0


def _mean(vectors: Tensor, weights: Tensor) -> Tensor:
    """[N, length, width] and [N, length] to [N, width]; zero where all weights are."""
    total = (vectors * weights[..., None]).sum(dim=1)
    return total / weights.sum(dim=1, keepdim=True).clamp_min(1e-6)
