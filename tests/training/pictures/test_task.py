from dataclasses import replace

import torch

from tests.training.small_task import SPLITS
from training.config import TrainConfig
from training.data.splits import Split
from training.loop import train
from training.models.picture_flow import PictureFlow
from training.pictures.task import PictureTask, flat

TASK = PictureTask(lambda: PictureFlow(2, 2, hidden=32, blocks=1, steps=1, guidance=1), SPLITS)


def test_pixels_become_numbers_around_zero() -> None:
    assert flat(torch.tensor([[[0.0, 255.0]]])).tolist() == [[-1, 1]]


def test_a_batch_is_the_rows_that_were_asked_for() -> None:
    pictures, labels = TASK.batch(torch.tensor([5, 2]), "cpu")
    assert torch.equal(pictures, flat(SPLITS.train.features[[5, 2]]))
    assert labels.tolist() == [1, 0]
    assert TASK.weight((pictures, labels)) == 2


def test_it_learns_and_every_look_at_what_is_held_out_is_the_same() -> None:
    """Values of small_task lie within 10 of zero, which is all but one point."""
    first = TASK.build()
    trained = train(TASK, TrainConfig(steps=150, batch_size=16, learning_rate=0.01, seed=1))
    assert TASK.evaluate(first).loss == TASK.evaluate(first).loss
    assert trained.held_out.loss < 0.7 * TASK.evaluate(first).loss
    assert trained.held_out.loss == TASK.evaluate(trained.model).loss


def test_a_look_is_in_parts_that_weigh_what_they_hold() -> None:
    sizes: list[int] = []

    class Still(torch.nn.Module):
        """What it is off by is the square of the noise, 1, and of the pictures, all of which are at -1."""

        def forward(self, points: torch.Tensor, times: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            sizes.append(len(labels))
            return torch.zeros_like(points * times)

    held_out = Split(torch.zeros(300, 2), torch.zeros(300, dtype=torch.int64))
    found = replace(TASK, splits=replace(SPLITS, validation=held_out)).evaluate(Still())
    assert max(sizes) < sum(sizes) == 4 * 300
    assert abs(found.loss - 2) < 0.2


def test_some_rows_are_not_told_their_class() -> None:
    seen: list[int] = []

    class Listening(torch.nn.Module):
        def forward(self, points: torch.Tensor, times: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
            seen.extend(labels.tolist())
            return points * times

    with torch.random.fork_rng():
        torch.manual_seed(1)
        for _ in range(10):
            TASK.loss(Listening(), TASK.batch(torch.arange(64), "cpu"))
    assert 0.05 < seen.count(2) / len(seen) < 0.2
