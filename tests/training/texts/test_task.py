from dataclasses import replace

import pytest
import torch

from tests.training.texts.small_texts import reviews
from training.errors import InvalidConfig
from training.recipes.docs_classifier import KIND, RECIPE
from training.texts.data import prepared
from training.texts.task import TextTask

DATA = prepared(reviews(400), 300, 32)
TOKENS = DATA.train.features
LENGTHS = (TOKENS != 0).sum(dim=1)


def task(word_dropout: float = 0.0) -> TextTask:
    return KIND.task(DATA, {**RECIPE.hyperparameters, "hidden_size": 16, "word_dropout": word_dropout}, RECIPE.config)


def test_a_pass_has_every_row_once_and_like_lengths_together() -> None:
    batches = task().order(0, 7, 16)

    assert sorted(torch.cat(list(batches)).tolist()) == list(range(len(TOKENS)))
    assert all(torch.equal(*pair) for pair in zip(batches, task().order(0, 7, 16), strict=True))
    assert not torch.equal(batches[0], task().order(1, 7, 16)[0])
    spread = sum(int(LENGTHS[batch].max() - LENGTHS[batch].min()) for batch in batches)
    shuffled = sum(int(LENGTHS[part].max() - LENGTHS[part].min()) for part in torch.arange(len(TOKENS)).split(16))
    assert spread < shuffled / 2


def test_a_batch_is_as_long_as_its_longest_text() -> None:
    tokens, labels = task().batch(torch.tensor([3, 5]), "cpu")

    assert tokens.shape == (2, int(LENGTHS[[3, 5]].max()))
    assert tokens[0, : LENGTHS[3]].tolist() == TOKENS[3, : LENGTHS[3]].tolist()
    assert labels.tolist() == DATA.train.labels[[3, 5]].tolist()
    assert task().weight((tokens, labels)) == 2


def test_a_share_of_the_words_is_missing_each_time_but_for_the_first_token() -> None:
    torch.manual_seed(0)
    rows = torch.arange(len(TOKENS))
    tokens, _ = task(word_dropout=0.25).batch(rows, "cpu")
    again, _ = task(word_dropout=0.25).batch(rows, "cpu")

    words = LENGTHS.sum() - len(TOKENS)
    assert (tokens[:, 0] == 1).all()
    assert 0.2 < 1 - (tokens[:, 1:] != 0).sum() / words < 0.3
    assert not torch.equal(tokens, again)


def test_what_fills_a_row_up_changes_nothing() -> None:
    model = task().build().eval()
    shortest = LENGTHS.argsort()[:4]
    trimmed = TOKENS[shortest, : int(LENGTHS[shortest].max())]

    assert trimmed.shape[1] < TOKENS.shape[1]
    torch.testing.assert_close(model(TOKENS[shortest]), model(trimmed))


def test_a_wrong_share_is_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"model\.word_dropout must be from 0 to below 1, got 1\.0"):
        replace(task(), word_dropout=1.0)
