import math

import pytest
import torch
from torch import nn

from training.config import TrainConfig
from training.loop import train
from training.models.transcriber import Transcriber
from training.speech import spoken_digits
from training.speech.letters import classes_of
from training.speech.task import SpeechTask


@pytest.fixture(scope="module")
def task() -> SpeechTask:
    data = spoken_digits.load(40, 10, "formants")
    return SpeechTask(lambda: Transcriber(8000, len(data.facts["labels"]), 20, 16, 1, 5, 0.0), data)


def test_a_pass_has_each_recording_once_beside_those_of_about_its_length(task: SpeechTask) -> None:
    batches = task.order(0, seed=1, batch_size=8)
    assert sorted(torch.cat(list(batches)).tolist()) == list(range(40))
    lengths = task.data.train.lengths
    assert all(lengths[batch].max() <= 2.1 * lengths[batch].min() for batch in batches)
    assert not torch.equal(batches[0], task.order(1, seed=1, batch_size=8)[0])
    assert torch.equal(batches[0], task.order(0, seed=1, batch_size=8)[0])


def test_a_batch_holds_sound_and_classes(task: SpeechTask) -> None:
    batch = task.batch(torch.tensor([3, 7]), "cpu")
    labels, texts = task.data.facts["labels"], task.data.train.texts
    assert batch.lengths.flatten().tolist() == task.data.train.lengths[[3, 7]].tolist()
    assert torch.equal(batch.classes, torch.cat([classes_of(texts[row], labels) for row in (3, 7)]))
    assert (batch.counts.tolist(), task.weight(batch)) == ([len(texts[3]), len(texts[7])], 2)


def test_the_loss_is_that_of_all_ways_to_say_a_text(task: SpeechTask) -> None:
    """Where every class is equally likely, the ways can be counted."""

    class Even(nn.Module):
        def forward(self, audio: torch.Tensor, _: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            frames = torch.full((len(audio),), 30)
            return torch.full((len(audio), 30, classes), -math.log(classes)), frames

    classes = len(task.data.facts["labels"])
    row = next(row for row, text in enumerate(task.data.train.texts) if text in ("one", "two", "four", "five", "six"))
    characters = len(task.data.train.texts[row])
    ways = math.comb(30 + characters, 2 * characters)
    expected = (30 * math.log(classes) - math.log(ways)) / characters
    found = task.loss(Even(), task.batch(torch.tensor([row]), "cpu"))
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_steps_make_the_loss_smaller(task: SpeechTask) -> None:
    config = TrainConfig(steps=24, batch_size=20, learning_rate=0.005, evaluations=12)
    first, *_, last = train(task, config).history
    assert last.loss < 0.7 * first.loss
    assert last.scores.keys() == {"word_accuracy", "exact"}
