from dataclasses import replace

import pytest

from tests.tiny_answers import CONFIG, RECIPE
from training.errors import CheckpointError
from training.language.checkpoint import AnswerMetrics, LanguageCheckpoint
from training.seq2seq.batches import tokens_of
from training.seq2seq.evaluate import evaluate
from training.seq2seq.run import restore, run
from training.seq2seq.tokenizer import byte_tokenizer


def test_what_can_be_learned_is_learned(answerer: LanguageCheckpoint) -> None:
    metrics = answerer.metrics

    assert isinstance(metrics, AnswerMetrics)
    assert metrics.exact_match >= 0.9
    assert (metrics.train_pairs, metrics.held_out_pairs) == (61, 11)
    assert [step.step for step in answerer.history] == [12, 24, 36, 48, 60]


def test_a_checkpoint_is_the_model_again(answerer: LanguageCheckpoint) -> None:
    model, held_out = restore(RECIPE, answerer), tokens_of(byte_tokenizer(), RECIPE.load().held_out)

    assert evaluate(model, held_out).loss == pytest.approx(answerer.metrics.held_out_loss)


def test_the_same_seed_gives_the_same_weights() -> None:
    short = replace(CONFIG, steps=3)
    one, again, other = (run(RECIPE, config) for config in (short, short, replace(short, seed=4)))

    assert one.weights == again.weights != other.weights


def test_another_recipes_checkpoint_is_refused(answerer: LanguageCheckpoint) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'tiny-answers', not of 'other'"):
        restore(replace(RECIPE, name="other"), answerer)
    with pytest.raises(CheckpointError, match="the hyper-parameters are not those of tiny-answers"):
        restore(RECIPE, replace(answerer, hyperparameters={"hidden_size": 32}))
    with pytest.raises(CheckpointError, match="the weights don't fit the network of tiny-answers"):
        restore(RECIPE, replace(answerer, hyperparameters={**answerer.hyperparameters, "encoder_layers": 3}))
