from dataclasses import replace

import numpy as np
import torch

from training.config import TrainConfig
from training.loop import train
from training.models.two_towers import TwoTowers
from training.recommendation.histories import Part, cleaned
from training.recommendation.interactions import Interaction, Options
from training.recommendation.task import RecommenderTask

LETTERS = "abcdefghijkl"
ROWS = [
    Interaction(f"user {user}", LETTERS[(user + step) % 12]) for user in range(60) for step in range(4)
]  # each letter after the one before
DATA = cleaned(ROWS, "letters", Options(length=3))
TASK = RecommenderTask(lambda: TwoTowers(12, 3, width=16, hidden=16, dropout=0.0, best=5), DATA, 3, 5)


def test_a_batch_is_what_came_and_what_came_before_it() -> None:
    history, following = TASK.batch(torch.tensor([1, 3]), "cpu")
    items = DATA.train.items
    assert following.tolist() == items[[1, 3]].tolist()
    assert history.tolist() == [[-1, -1, items[0]], items[:3].tolist()]
    assert TASK.weight((history, following)) == 2


def test_it_learns_what_follows() -> None:
    trained = train(TASK, TrainConfig(epochs=25, batch_size=32, learning_rate=0.02, seed=1))
    assert trained.held_out.scores["hit_rate_10"] == 1
    assert trained.held_out.scores["mrr"] > 0.9
    assert trained.held_out.loss < 0.5


def test_what_a_user_has_costs_nothing() -> None:
    model = TASK.build().eval()
    history = torch.tensor([[0, 1, 2]])
    assert np.isclose(TASK.loss(model, (history, torch.tensor([3]))).item(), _by_hand(model, history, 3), atol=1e-5)


def test_a_look_is_in_parts_and_ranks_what_is_served() -> None:
    """The item that comes last of twelve is not among the five."""
    rows = 1000
    part = Part(np.tile([11, 0, 10], rows), 3 * np.arange(rows))
    sizes: list[int] = []

    class Falling(torch.nn.Module):
        def forward(self, history: torch.Tensor) -> torch.Tensor:
            sizes.append(len(history))
            return -torch.arange(12.0).repeat(len(history), 1)

    found = replace(TASK, histories=replace(DATA, validation=part)).evaluate(Falling())
    assert sum(sizes) == rows
    assert max(sizes) < 500
    assert found.scores == {"hit_rate_10": 0, "ndcg_10": 0, "mrr": 0}
    assert np.isclose(found.loss, torch.arange(1, 11).neg().float().log_softmax(dim=0)[9].neg(), atol=1e-4)


def _by_hand(model: TwoTowers, history: torch.Tensor, following: int) -> float:
    logits = model(history).detach()[0, 3:]
    return -logits.log_softmax(dim=0)[following - 3].item()
