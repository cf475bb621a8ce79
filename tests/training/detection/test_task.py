import pytest
import torch
from torch import nn

from training.config import TrainConfig
from training.detection import scenes
from training.detection.options import Options
from training.detection.task import DetectionTask
from training.loop import train
from training.models.detector import Detector

CONFIG = TrainConfig(batch_size=8, learning_rate=4e-3, steps=40, optimizer="adamw", evaluations=2)


@pytest.fixture(scope="module")
def task() -> DetectionTask:
    return DetectionTask(lambda: Detector(1, width=8, classes=10), scenes.load(48, Options(64, 1, 16)))


def test_it_learns_the_scenes_that_it_is_shown(task: DetectionTask) -> None:
    trained = train(task, CONFIG)
    first, last = trained.history
    assert last.train_loss < first.train_loss / 2
    assert last.loss < first.loss


def test_a_batch_has_its_rows_in_their_order_and_weighs_as_many_as_boxes(task: DetectionTask) -> None:
    batch = task.batch(torch.tensor([3, 0]), "cpu")
    assert task.weight(batch) == int((task.data.train.classes[[3, 0]] >= 0).sum())
    assert torch.equal(batch.pixels[1], task.data.train.pixels[0])
    assert sorted(torch.cat(list(task.order(0, 1, 7))).tolist()) == list(range(48))


def test_parts_of_a_batch_weigh_as_the_whole(task: DetectionTask) -> None:
    model = task.build().eval()
    whole, *parts = (task.batch(torch.tensor(rows), "cpu") for rows in ([0, 1, 2, 3], [0], [1, 2, 3]))
    each = sum(task.loss(model, part) * task.weight(part) for part in parts)
    assert torch.allclose(task.loss(model, whole) * task.weight(whole), torch.as_tensor(each), rtol=1e-4)


def test_it_is_evaluated_on_what_is_held_out(task: DetectionTask) -> None:
    model = task.build()
    found = task.evaluate(model)
    assert not model.training
    with torch.inference_mode():
        assert found.loss == pytest.approx(float(task.loss(model, task.data.validation)), rel=1e-5)
    assert list(found.scores) == ["mAP@0.5", "mAP@0.5:0.95"]


class Sure(nn.Module):
    """Sees something everywhere."""

    def forward(self, pictures: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        cells = (pictures.shape[-2] // 4, pictures.shape[-1] // 4)
        return torch.zeros(len(pictures), 10, *cells), torch.zeros(len(pictures), 4, *cells)


def test_one_that_sees_everything_everywhere_is_of_no_use(task: DetectionTask) -> None:
    assert task.evaluate(Sure()).scores["mAP@0.5"] < 0.05
