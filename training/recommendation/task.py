"""How a recommender is trained: each item that a user had is to be found from those before it, among all items that
the user did not have yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from training.device import device_of
from training.models.two_towers import TwoTowers, without_known
from training.recommendation.histories import Histories, Part
from training.recommendation.scores import ranking_scores
from training.task import shuffled

_ROWS = 256  # users at once, when it is looked how well the model does: each has a number for every item

Batch = tuple[Tensor, Tensor]
"""Histories, and what came next."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    loss: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class RecommenderTask:
    first: Callable[[], TwoTowers]
    histories: Histories
    length: int
    best: int
    """Items that are served, which alone are ranked."""

    def build(self) -> TwoTowers:
        return self.first()

    def order(self, number: int, seed: int, batch_size: int) -> Sequence[Tensor]:
        return shuffled(len(self.histories.train.items), number, seed, batch_size)

    def batch(self, rows: Tensor, device: str) -> Batch:
        return self._of(self.histories.train, rows.numpy(), device)

    def weight(self, batch: Batch) -> int:
        return len(batch[1])

    def loss(self, model: nn.Module, batch: Batch) -> Tensor:
        history, following = batch
        return cross_entropy(without_known(model(history), history), following)

    def evaluate(self, model: nn.Module) -> Evaluation:
        model.eval()
        part, device, loss, lists = self.histories.validation, device_of(model), 0.0, []
        places = part.lasts()
        with torch.inference_mode():
            for first in range(0, len(places), _ROWS):
                history, following = self._of(part, places[first : first + _ROWS], device)
                logits = without_known(model(history), history)
                loss += cross_entropy(logits, following, reduction="sum").item()
                lists.append(logits.topk(min(self.best, logits.shape[1]), dim=1).indices.cpu().numpy())
        return Evaluation(loss / len(places), ranking_scores(np.concatenate(lists), part.items[places]))

    def _of(self, part: Part, places: np.ndarray, device: str) -> Batch:
        history, following = part.before(places, self.length), part.items[places]
        return torch.from_numpy(history).to(device), torch.from_numpy(following).to(device)
