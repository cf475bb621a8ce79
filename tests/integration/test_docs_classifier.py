"""Reviews of a user's own: trained by the command, published, served, and asked as texts."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from serving.cli import app
from tests.running_server import RunningServer, running
from tests.training.texts.small_texts import reviews
from training.data.splits import split_of
from training.texts.labelled import cleaned, key

GIVEN = cleaned(reviews(600))
OPTIONS = (
    "--name=reviews",
    "--set=data.text=review",
    "--set=data.target=mood",
    "--set=data.vocab_size=500",
    "--set=model.hidden_size=32",
    "--epochs=4",
)


@dataclass(frozen=True)
class Trained:
    server: RunningServer
    version: Path

    def labels(self, texts: list[str]) -> list[str]:
        body = {"inputs": texts, "parameters": {"top_k": 1}}
        reply = httpx.post(f"{self.server.url}/v1/models/reviews/classify", json=body, timeout=60)
        assert reply.status_code == 200, reply.text
        return [best["label"] for (best,) in reply.json()]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    root = tmp_path_factory.mktemp("texts")
    rows = [{"review": text, "mood": label} for text, label in zip(GIVEN.texts, GIVEN.labels, strict=True)]
    (root / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    folders = [f"--{name}={root / name}" for name in ("repository", "checkpoints", "runs")]
    arguments = ["train", "docs-classifier", f"--data={root / 'reviews.jsonl'}", *OPTIONS, *folders]
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    with running(root / "repository") as server:
        yield Trained(server, root / "repository" / "reviews" / "1")


def test_held_out_texts_have_their_labels_over_http_as_in_pytorch(trained: Trained) -> None:
    chosen = [row for row, text in enumerate(GIVEN.texts) if split_of(key(text)) == "test"]
    metrics = json.loads((trained.version / "manifest.json").read_text())["metrics"]

    found = trained.labels([GIVEN.texts[row] for row in chosen])

    right = sum(label == GIVEN.labels[row] for label, row in zip(found, chosen, strict=True))
    assert right / len(chosen) == pytest.approx(metrics["test_accuracy"], abs=1e-9)
    assert right / len(chosen) >= 0.95


def test_its_example_can_be_sent(trained: Trained) -> None:
    example = json.loads((trained.version / "example.json").read_text())

    (label,) = trained.labels([example["inputs"]])
    assert label in ("good", "bad")


def test_data_that_can_not_be_learnt_leave_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("text,label\n" + "".join(f"text {number},only\n" for number in range(30)))
    options = ["--data", str(tmp_path / "one.csv"), "--name", "one", f"--repository={tmp_path / 'repository'}"]
    done = CliRunner().invoke(app, ["train", "docs-classifier", *options, f"--runs={tmp_path / 'runs'}"])

    assert done.exit_code == 1
    assert "only 'only' is left" in " ".join(done.stderr.split())
    assert not (tmp_path / "repository").exists()
