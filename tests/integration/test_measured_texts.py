"""Models of text from training to server: what is measured over HTTP is what was measured in PyTorch."""

from collections.abc import Iterator

import httpx
import pytest
import torch

from tests import tiny_answers, tiny_language
from tests.running_server import RunningServer, running
from training.export import language_package, seq2seq_package
from training.language import run as language
from training.language import tokenizer
from training.language.checkpoint import AnswerMetrics, LanguageCheckpoint, LanguageMetrics
from training.seq2seq import run as seq2seq

_TOKENS = 60  # of what is held out, each told from those before


@pytest.fixture(scope="module")
def writer() -> LanguageCheckpoint:
    return language.run(tiny_language.RECIPE, tiny_language.RECIPE.sizes["tiny"])


@pytest.fixture(scope="module")
def answerer() -> LanguageCheckpoint:
    return seq2seq.run(tiny_answers.RECIPE, tiny_answers.CONFIG)


@pytest.fixture(scope="module")
def server(
    writer: LanguageCheckpoint, answerer: LanguageCheckpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("measured")
    language_package.publish(tiny_language.RECIPE, writer, root)
    seq2seq_package.publish(tiny_answers.RECIPE, answerer, root)
    with running(root) as server:
        yield server


def _completed(server: RunningServer, model: str, prompt: object, tokens: int) -> str:
    body = {"model": model, "prompt": prompt, "max_tokens": tokens, "temperature": 0}
    reply = httpx.post(f"{server.url}/v1/completions", json=body)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["choices"][0]["text"])


def test_as_many_answers_are_right_as_in_training(server: RunningServer, answerer: LanguageCheckpoint) -> None:
    pairs = tiny_answers.load().held_out
    right = [_completed(server, "tiny-answers", pair.text, 8) == pair.answer for pair in pairs]

    assert isinstance(answerer.metrics, AnswerMetrics)
    assert sum(right) / len(pairs) == pytest.approx(answerer.metrics.exact_match)
    assert answerer.metrics.exact_match >= 0.9


def test_each_next_token_is_the_one_that_pytorch_finds_likeliest(
    server: RunningServer, writer: LanguageCheckpoint
) -> None:
    words = tokenizer.from_file(writer.tokenizer)
    tokens = tokenizer.encode(words, tiny_language.load().held_out)[: _TOKENS + 1]
    model = language.restore(tiny_language.RECIPE, writer)
    likeliest = model(torch.tensor([tokens]))[0].argmax(-1).tolist()

    told = [_completed(server, "tiny-writer", tokens[:length], 1) for length in range(1, _TOKENS + 1)]

    assert told == [words.decode([token]) for token in likeliest[:_TOKENS]]
    assert isinstance(writer.metrics, LanguageMetrics)
    assert writer.metrics.held_out_bits_per_byte < 0.8
