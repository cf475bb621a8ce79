import json
from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_answers import RECIPE, load
from training.checkpoint import Checkpoint
from training.errors import CheckpointError, InvalidConfig
from training.kind import TEST
from training.losses import IGNORED
from training.run import restore, run
from training.seq2seq.data import WANTED
from training.seq2seq.kind import LIKELIEST, LIKELY, Answering

KIND = Answering(load)


def test_what_can_be_learned_is_learned(answerer: Checkpoint) -> None:
    assert answerer.metrics["test_exact_match"] >= 0.9
    assert answerer.metrics["test_exact_match"] == answerer.metrics["validation_exact_match"], "they are the same pairs"
    assert [step.step for step in answerer.history] == [12, 24, 36, 48, 60]


def test_the_same_seed_gives_the_same_weights() -> None:
    short = replace(RECIPE, config=replace(RECIPE.config, steps=3))
    recipes = (short, short, replace(short, config=replace(short.config, seed=4)))
    one, again, other = (run(recipe, KIND.load(None, RECIPE.data)).checkpoint.weights for recipe in recipes)

    assert one == again != other


def test_an_answer_is_right_if_all_of_its_tokens_are() -> None:
    outputs = {
        LIKELY: np.log(np.array([[0.5, 0.001], [0.5, 0.5]], np.float32)),
        LIKELIEST: np.array([[4, 9], [6, 9]]),
    }
    truths = {WANTED: np.array([[4, IGNORED], [6, 7]])}

    scores = KIND.score(outputs, truths, {})

    assert scores == {"exact_match": 0.5, "token_accuracy": pytest.approx(2 / 3), "perplexity": pytest.approx(2)}


def test_an_example_is_a_text_to_answer(answerer: Checkpoint) -> None:
    outputs = {LIKELY: -np.arange(answerer.rows.truths[WANTED].size, dtype=float).reshape(-1, 3)}

    body = json.loads(KIND.example(answerer.rows, outputs, answerer.facts).content)

    assert body == {"text_input": "january", "temperature": 0}


def test_a_report_tells_right_and_wrong_answers_and_groups(answerer: Checkpoint) -> None:
    data = KIND.load(None, RECIPE.data)
    rows = KIND.rows(data, TEST)
    answered = {LIKELIEST: rows.truths[WANTED] + 1, LIKELY: np.zeros(rows.truths[WANTED].shape)}

    sections = list(KIND.findings(restore(RECIPE, answerer), data, rows, answered))

    assert [section.title for section in sections] == ["Right answers", "Wrong answers", "Groups"]


def test_lengths_out_of_range_are_refused() -> None:
    with pytest.raises(InvalidConfig, match=r"^data.max_target must be from 1 to 4096, got 0$"):
        KIND.load(None, {**RECIPE.data, "max_target": 0})


def test_another_recipes_checkpoint_is_refused(answerer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'tiny-answers', not of 'other'"):
        restore(replace(RECIPE, name="other"), answerer)
    with pytest.raises(CheckpointError, match="the hyper-parameters are not those of tiny-answers"):
        restore(RECIPE, replace(answerer, hyperparameters={"hidden_size": 32}))
    with pytest.raises(CheckpointError, match="the weights don't fit the network of tiny-answers"):
        restore(RECIPE, replace(answerer, hyperparameters={**answerer.hyperparameters, "encoder_layers": 3}))
