from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.tiny_language import CONFIG, CONTEXT, HYPERPARAMETERS
from tests.training.small_task import equal
from training.config import TrainConfig
from training.errors import InvalidConfig
from training.language.evaluate import LanguageEvaluation
from training.language.task import LanguageTask
from training.loop import Trained, train
from training.models.decoder import Decoder, DecoderConfig

# Tokens of a cycle that is easy to learn.
TOKENS, HELD_OUT = torch.arange(1000) * 7 % 50, torch.arange(200) * 7 % 50
SHORT = replace(CONFIG, steps=6, evaluations=3)


def _task(
    config: TrainConfig = SHORT, tokens: Tensor = TOKENS, held_out: Tensor = HELD_OUT, context: int = CONTEXT
) -> LanguageTask:
    return LanguageTask(
        lambda: Decoder(DecoderConfig(vocab_size=50, **HYPERPARAMETERS)), tokens, held_out, context, config.batch_size
    )


def _trained(config: TrainConfig = SHORT, held_out: Tensor = HELD_OUT) -> Trained[LanguageEvaluation]:
    return train(_task(config, held_out=held_out), config)


def test_what_can_be_learned_is_learned() -> None:
    losses = [point.loss for point in _trained(replace(CONFIG, steps=40)).history]

    assert losses[-1] < 0.5 < 1 < losses[0]


def test_the_held_out_text_changes_nothing() -> None:
    assert equal(_trained().model, _trained(held_out=HELD_OUT.flip(0)).model)


def test_blocks_that_are_computed_twice_learn_the_same() -> None:
    assert equal(_trained().model, _trained(replace(SHORT, activation_checkpointing=True)).model)


def test_a_pass_reads_each_part_of_the_text_once_and_the_next_another_way() -> None:
    made = _task(replace(CONFIG, batch_size=3), torch.arange(131), context=10)
    first, second = (torch.cat([made.batch(rows, "cpu") for rows in made.order(number, 0, 3)]) for number in (0, 1))

    assert first.shape == (12, 11)
    assert (first.diff(dim=1) == 1).all()
    assert len(set(first[:, 1:].flatten().tolist())) == 120
    assert not torch.equal(first, second)


def test_a_text_that_is_shorter_than_a_batch_is_refused() -> None:
    with pytest.raises(
        InvalidConfig, match="there are 100 tokens to learn from, and batches of 4 x 32 need 160; give more text"
    ):
        _task(tokens=TOKENS[:100])
