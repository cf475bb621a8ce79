"""What is served of a recommender: a history to the items that are likeliest next, with their probabilities.

Rule: what a user has is not recommended; where nothing is left the score is 0.
"""

import torch
from torch import Tensor, nn

from training.models.two_towers import NEVER, TwoTowers, known


class Recommender(nn.Module):
    def __init__(self, towers: TwoTowers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, history: Tensor) -> tuple[Tensor, Tensor]:
        """Int64 [N, length] to items int64 and probabilities [N, best], best first."""
        towers = self.towers
        had = known(history, towers.items)
        scores = torch.where(had, NEVER, towers(history)).softmax(dim=1)
        best, items = torch.where(had, 0.0, scores).topk(min(towers.best, towers.items), dim=1)
        return items, best
