from dataclasses import replace

import pytest
import torch

from tests.tiny_language import RECIPE, SHORT, load
from training.errors import CheckpointError
from training.language import tokenizer
from training.language.checkpoint import LanguageCheckpoint
from training.language.evaluate import evaluate
from training.language.run import restore, run


def test_the_loss_falls_and_it_can_tell_what_it_never_read(writer: LanguageCheckpoint) -> None:
    losses = [point.loss for point in writer.history]

    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2


def test_the_same_seed_gives_the_same_checkpoint(writer: LanguageCheckpoint) -> None:
    one, other = (run(RECIPE, SHORT) for _ in range(2))

    assert replace(one, created="") == replace(other, created="")
    assert one.weights != writer.weights


def test_a_restored_model_scores_what_the_checkpoint_says(writer: LanguageCheckpoint) -> None:
    words = tokenizer.from_file(writer.tokenizer)
    held_out = torch.tensor(tokenizer.encode(words, load().held_out))
    found = evaluate(restore(RECIPE, writer), held_out, writer.config.context)

    assert found.loss == pytest.approx(writer.metrics.held_out_loss, rel=1e-5)
    assert found.tokens + 1 == writer.metrics.held_out_tokens
    assert writer.metrics.held_out_bits_per_byte < 0.8


def test_asked_for_a_name_it_writes_the_text_and_ends(writer: LanguageCheckpoint) -> None:
    model, words = restore(RECIPE, writer), tokenizer.from_file(writer.tokenizer)
    document = load().train[0]
    tokens = [1, *words.encode(document.name).ids, 2]
    prompt = len(tokens)
    while tokens[-1] and len(tokens) < 64:
        tokens.append(int(model(torch.tensor([tokens]))[0, -1].argmax()))

    assert words.decode(tokens[prompt:]).startswith("When you ")
    assert tokens[-1] == 0


def test_another_recipes_checkpoint_is_refused(writer: LanguageCheckpoint) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'tiny-writer', not of 'gpt'"):
        restore(replace(RECIPE, name="gpt"), writer)


def test_parameters_and_weights_of_another_network_are_refused(writer: LanguageCheckpoint) -> None:
    with pytest.raises(CheckpointError, match="hyper-parameters are not those of tiny-writer"):
        restore(RECIPE, replace(writer, hyperparameters={"layers": 2}))
    with pytest.raises(CheckpointError, match="don't fit the network of tiny-writer"):
        restore(RECIPE, replace(writer, hyperparameters={**writer.hyperparameters, "hidden_size": 64}))
