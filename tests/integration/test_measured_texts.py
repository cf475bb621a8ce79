"""A user's own text and pairs: trained by the command, published, served; what is measured over HTTP is what was
measured in PyTorch."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer
from typer.testing import CliRunner

from serving.cli import app
from tests import tiny_answers, tiny_language
from tests.running_server import RunningServer, running
from training.checkpoint import Checkpoint, load
from training.language.data import WANTED, WINDOW
from training.losses import IGNORED

_SIZES = {**tiny_language.HYPERPARAMETERS, "max_position_embeddings": 64}
_WRITES = (
    *(f"--set=model.{name}={str(value).lower()}" for name, value in _SIZES.items()),
    "--set=data.context=32",
    "--set=data.vocab_size=400",
    "--steps=60",
    "--learning-rate=0.02",
)
_ANSWERS = (
    *(f"--set=model.{name}={str(value).lower()}" for name, value in tiny_answers.RECIPE.hyperparameters.items()),
    "--set=data.source=said",
    "--set=data.target=meant",
    "--set=data.slices=who",
    "--set=data.fold=true",
    "--set=weight_decay=0",
    "--steps=80",
    "--batch-size=16",
    "--learning-rate=0.04",
)


@dataclass(frozen=True)
class Trained:
    server: RunningServer
    root: Path
    output: str

    def checkpoint(self, model: str) -> Checkpoint:
        return load(self.root / "checkpoints" / model)

    def completed(self, model: str, prompts: list[Any], tokens: int) -> list[str]:
        body = {"model": model, "prompt": prompts, "max_tokens": tokens, "temperature": 0}
        reply = httpx.post(f"{self.server.url}/v1/completions", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        return [choice["text"] for choice in sorted(reply.json()["choices"], key=lambda choice: choice["index"])]


def _train(root: Path, recipe: str, data: Path, name: str, options: tuple[str, ...]) -> str:
    folders = [f"--{each}={root / each}" for each in ("repository", "checkpoints", "runs")]
    done = CliRunner().invoke(
        app, ["train", recipe, f"--data={data}", f"--name={name}", *options, *folders], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    root = tmp_path_factory.mktemp("measured")
    (root / "notes").mkdir()
    (root / "notes" / "sums.md").write_text("\n\n".join(it.text for it in tiny_language.load().documents[::3]))
    (root / "notes" / "broken.txt").write_bytes(b"\xff\xfe")
    rows = [
        {"said": pair.text, "meant": pair.answer, "who": f"{'him' if number % 2 else 'her'}"}
        for number, pair in enumerate(tiny_answers.PAIRS)
    ]
    (root / "months.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    output = _train(root, "gpt-docs", root / "notes", "sums", _WRITES)
    output += _train(root, "dates-seq2seq", root / "months.jsonl", "months", _ANSWERS)
    with running(root / "repository") as server:
        yield Trained(server, root, output)


def test_as_many_answers_are_right_as_in_training(trained: Trained) -> None:
    checkpoint = trained.checkpoint("months")
    words = Tokenizer.from_str(trained_file(trained, "months", "tokenizer.json"))
    pairs = [
        (words.decode(text[text > 0].tolist()), words.decode(wanted[wanted > 0].tolist()))
        for text, wanted in zip(checkpoint.rows.inputs["text"], checkpoint.rows.truths["wanted"], strict=True)
    ]

    written = trained.completed("months", [text for text, _ in pairs], 8)

    assert len(pairs) > 5
    right = [own == answer for own, (_, answer) in zip(written, pairs, strict=True)]
    assert sum(right) / len(pairs) == pytest.approx(checkpoint.metrics["test_exact_match"])
    assert checkpoint.metrics["test_exact_match"] >= 0.7


def test_as_many_next_tokens_are_the_likeliest_as_in_training(trained: Trained) -> None:
    checkpoint = trained.checkpoint("sums")
    words = Tokenizer.from_str(checkpoint.facts["tokenizer"])
    windows, wanted = checkpoint.rows.inputs[WINDOW].tolist(), checkpoint.rows.truths[WANTED].tolist()

    found: list[bool] = []
    for window, tokens in zip(windows, wanted, strict=True):
        there = [token for token in tokens if token != IGNORED]
        told = trained.completed("sums", [window[: place + 1] for place in range(len(there))], 1)
        found += [own == words.decode([token]) for own, token in zip(told, there, strict=True)]

    assert len(found) > 50
    assert sum(found) / len(found) == pytest.approx(checkpoint.metrics["test_token_accuracy"])
    assert checkpoint.metrics["test_bits_per_byte"] < 2


@pytest.mark.parametrize(
    ("model", "headings"),
    [
        ("sums", ("What it writes", "Foretold worst", "Learning curves", "Data")),
        ("months", ("Right answers", "Groups", "Learning curves", "Data")),
    ],
)
def test_a_report_is_published_with_it_and_shown(trained: Trained, model: str, headings: tuple[str, ...]) -> None:
    page = httpx.get(f"{trained.server.url}/v1/models/{model}/report").text

    assert all(f"<h2>{heading}</h2>" in page for heading in headings)
    assert "text_input" in page
    assert (trained.root / "repository" / model / "1" / "model_card.md").is_file()


def test_what_was_left_out_is_told(trained: Trained) -> None:
    assert "left out    1 not UTF-8" in trained.output
    assert "not UTF-8: broken.txt" in trained.output


def test_another_recipes_name_is_refused(trained: Trained) -> None:
    arguments = ["train", "dates-seq2seq", f"--data={trained.root / 'months.jsonl'}", "--name=sums"]
    done = CliRunner().invoke(app, [*arguments, f"--checkpoints={trained.root / 'checkpoints'}", *_ANSWERS])

    assert done.exit_code == 2
    assert "is a checkpoint of gpt-docs; give this one another --name" in " ".join(done.output.split())


def trained_file(trained: Trained, model: str, name: str) -> str:
    return (trained.root / "repository" / model / "1" / name).read_text()
