import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from rich.console import Console
from tokenizers import Tokenizer

from tests.tiny_language import CONFIG, CONTEXT, DATA, HYPERPARAMETERS, RECIPE, load
from tests.training.small_run import run_in
from training.checkpoint import Checkpoint
from training.errors import CheckpointError, InvalidConfig
from training.graph_course import GraphCourse
from training.kind import TEST
from training.language.data import BYTES, WANTED
from training.language.kind import LIKELIEST, LIKELY, Language
from training.language.next_tokens import NextTokens
from training.losses import IGNORED
from training.run import restore, run

KIND = Language(load)


def test_the_loss_falls_and_it_can_tell_what_it_never_read(writer: Checkpoint) -> None:
    losses = [point.loss for point in writer.history]

    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < losses[0] / 2
    assert writer.metrics["test_bits_per_byte"] < 0.8
    assert writer.metrics["test_token_accuracy"] > 0.6


def test_the_same_seed_gives_the_same_checkpoint(writer: Checkpoint) -> None:
    short = replace(RECIPE, config=replace(CONFIG, steps=2))
    one, other = (run(short, KIND.load(None, DATA)).checkpoint for _ in range(2))

    assert (one.weights, one.metrics, one.data_fingerprint) == (other.weights, other.metrics, other.data_fingerprint)
    assert one.weights != writer.weights


def test_scores_are_of_the_tokens_that_there_are() -> None:
    outputs = {
        LIKELY: np.log(np.array([[0.5, 0.25, 0.001], [0.5, 0.25, 0.25]], np.float32)),
        LIKELIEST: np.array([[4, 5, 9], [0, 7, 8]]),
    }
    truths = {WANTED: np.array([[4, 5, IGNORED], [6, 7, 8]]), BYTES: np.array([4, 4])}

    scores = KIND.score(outputs, truths, {})

    assert scores["bits_per_byte"] == pytest.approx(8 / 8)
    assert scores["perplexity"] == pytest.approx(math.exp(8 * math.log(2) / 5))
    assert scores["token_accuracy"] == 4 / 5
    assert next(iter(scores)) == "bits_per_byte"


def test_asked_for_a_name_it_writes_the_text_and_ends(writer: Checkpoint) -> None:
    served = restore(RECIPE, writer).module
    assert isinstance(served, NextTokens)
    words, document = Tokenizer.from_str(writer.facts["tokenizer"]), load().documents[0]
    tokens = [1, *words.encode(document.name).ids, 2]
    prompt = len(tokens)
    while tokens[-1] and len(tokens) < 64:
        tokens.append(int(served.decoder(torch.tensor([tokens]))[0, -1].argmax()))

    assert words.decode(tokens[prompt:]).startswith("When you ")
    assert tokens[-1] == 0


def test_an_example_is_a_text_to_go_on_with(writer: Checkpoint) -> None:
    served = restore(RECIPE, writer)
    outputs = {LIKELY: np.zeros(writer.rows.truths[WANTED].shape, np.float32)}

    body = json.loads(KIND.example(writer.rows, outputs, writer.facts).content)

    assert " you " in body["text_input"] or " add " in body["text_input"]
    assert [spec.name for spec in (*served.asked, *served.told)] == ["text_input", "text_output"]


def test_another_recipes_checkpoint_and_one_of_another_network_are_refused(writer: Checkpoint) -> None:
    with pytest.raises(CheckpointError, match="a checkpoint of 'tiny-writer', not of 'gpt'"):
        restore(replace(RECIPE, name="gpt"), writer)
    with pytest.raises(CheckpointError, match="hyper-parameters are not those of tiny-writer"):
        restore(RECIPE, replace(writer, hyperparameters={"layers": 2}))
    with pytest.raises(CheckpointError, match="don't fit the network of tiny-writer"):
        restore(RECIPE, replace(writer, hyperparameters={**HYPERPARAMETERS, "hidden_size": 64}))


def test_a_context_that_the_model_has_no_positions_for_is_refused_before_training(tmp_path: Path) -> None:
    course = GraphCourse.of(RECIPE, {"data.context": 4 * CONTEXT + 1})

    with pytest.raises(InvalidConfig, match=r"^data.context must be at most model.max_position_embeddings, 128, got"):
        course.train(tmp_path, Console(quiet=True), run_in(tmp_path))


def test_a_report_tells_what_it_writes(writer: Checkpoint) -> None:
    data = KIND.load(None, DATA)
    rows = KIND.rows(data, TEST)
    served = restore(RECIPE, writer)
    answered = {name: np.zeros(rows.truths[WANTED].shape, np.float32) for name in (LIKELY, LIKELIEST)}

    titles = [section.title for section in KIND.findings(served, data, rows, answered)]

    assert titles == ["What it writes", "Foretold worst"]
