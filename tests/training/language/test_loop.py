from dataclasses import replace
from itertools import islice

import pytest
import torch
from torch import Tensor, nn

from tests.tiny_language import CONFIG, HYPERPARAMETERS
from training.errors import InvalidConfig, TrainingDiverged
from training.language.config import LanguageConfig
from training.language.loop import StepMetrics, Trained, learning_rate, train, windows
from training.models.decoder import Decoder, DecoderConfig

# Tokens of a cycle that is easy to learn.
TOKENS, HELD_OUT = torch.arange(1000) * 7 % 50, torch.arange(200) * 7 % 50
SHORT = replace(CONFIG, steps=6)


def _build() -> Decoder:
    return Decoder(DecoderConfig(**{**HYPERPARAMETERS, "vocab_size": 50}))


def _train(config: LanguageConfig = SHORT, tokens: Tensor = TOKENS) -> Trained:
    return train(_build, tokens, HELD_OUT, config, lambda _: None)


def _equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def test_what_can_be_learned_is_learned() -> None:
    trained = _train(replace(CONFIG, steps=40))
    losses = [metrics.held_out_loss for metrics in trained.history]

    assert losses[-1] < 0.5 < 1 < losses[0]


def test_the_same_seed_gives_the_same_weights_to_the_last_bit() -> None:
    first = _train()
    torch.rand(100)  # the process's random state has no part in it
    second = _train()

    assert _equal(first.model, second.model)
    assert first.history == second.history


def test_another_seed_gives_other_weights() -> None:
    assert not _equal(_train().model, _train(replace(SHORT, seed=4)).model)


def test_the_processs_own_random_state_is_left_as_it_was() -> None:
    before = torch.get_rng_state()
    _train()

    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_every_step_is_reported_and_some_with_what_is_held_out() -> None:
    seen: list[StepMetrics] = []
    trained = train(_build, TOKENS, HELD_OUT, SHORT, seen.append)

    assert [metrics.step for metrics in seen] == [1, 2, 3, 4, 5, 6]
    assert [metrics.step for metrics in trained.history] == [2, 4, 6]
    assert trained.history == tuple(metrics for metrics in seen if metrics.held_out_loss is not None)
    assert trained.held_out.loss == seen[-1].held_out_loss
    assert not trained.model.training


def test_the_held_out_text_changes_nothing() -> None:
    other = train(_build, TOKENS, HELD_OUT.flip(0), SHORT, lambda _: None)

    assert _equal(_train().model, other.model)


def test_a_pass_reads_each_part_of_the_text_once_and_the_next_another_way() -> None:
    config = replace(CONFIG, batch_size=3, context=10)
    numbers = torch.arange(131)
    first, second = (torch.cat(list(islice(windows(numbers, config), 4 * n, 4 * n + 4))) for n in (0, 1))

    assert first.shape == (12, 11)
    assert (first.diff(dim=1) == 1).all()
    assert len(set(first[:, 1:].flatten().tolist())) == 120
    assert not torch.equal(first, second)


def test_the_learning_rate_rises_and_then_falls_to_a_tenth() -> None:
    config = replace(CONFIG, steps=100, warm_up=0.1, learning_rate=0.01)
    rates = [learning_rate(step, config) for step in range(1, 101)]

    assert rates[:10] == pytest.approx([0.001 * step for step in range(1, 11)])
    assert rates[9:] == sorted(rates[9:], reverse=True)
    assert rates[-1] == pytest.approx(0.001)
    assert learning_rate(1, replace(config, warm_up=0, steps=1)) == pytest.approx(0.001)


def test_a_text_that_is_shorter_than_a_batch_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="batch_size x context must be below the text's 100 tokens"):
        _train(tokens=TOKENS[:100])


def test_a_loss_that_is_no_number_stops_the_run() -> None:
    def broken() -> Decoder:
        model = _build()
        nn.init.constant_(model.norm.weight, float("nan"))
        return model

    with pytest.raises(TrainingDiverged, match="try a smaller learning rate"):
        train(broken, TOKENS, HELD_OUT, SHORT, lambda _: None)
