"""Speech from made voices to a text over HTTP: a short training, whose model answers as PyTorch does."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import numpy as np
import openai
import pytest
import soundfile

from serving.audio import ctc
from tests.running_server import RunningServer, running
from tests.slipway_command import slipway
from training.answers import answers
from training.checkpoint import Checkpoint
from training.export.package import publish
from training.kind import Rows
from training.recipes.spoken_digits import RECIPE
from training.run import Outcome, restore, run
from training.speech.score import scores

NAME = "spoken-digits"
SHORT = replace(
    RECIPE,
    hyperparameters={"bands": 24, "channels": 64, "blocks": 2, "kernel": 11, "dropout": 0.0},
    config=replace(RECIPE.config, steps=150, batch_size=12, learning_rate=5e-3, evaluations=2),
    data={**RECIPE.data, "train": 300, "held_out": 30, "voices": "formants"},
)


@dataclass(frozen=True)
class Published:
    root: Path
    outcome: Outcome

    @property
    def checkpoint(self) -> Checkpoint:
        return self.outcome.checkpoint

    @property
    def rows(self) -> Rows:
        return self.outcome.rows

    @property
    def said(self) -> list[str]:
        labels = self.checkpoint.facts["labels"]
        return ["".join(labels[each] for each in row if each).replace("|", " ") for row in self.rows.truths["text"]]

    def recording(self, row: int, kind: str = "WAV", rate: int = 8000) -> bytes:
        """As somebody would send it."""
        length, file = int(self.rows.inputs["audio_length"][row, 0]), io.BytesIO()
        samples = np.repeat(self.rows.inputs["audio"][row, :length], rate // 8000)
        soundfile.write(file, samples, rate, format=kind)
        return file.getvalue()


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Published:
    root = tmp_path_factory.mktemp("speech")
    outcome = run(SHORT, SHORT.kind.load(None, SHORT.data))
    publish(SHORT, outcome.checkpoint, root / NAME)
    return Published(root, outcome)


@pytest.fixture(scope="module")
def server(published: Published) -> Iterator[RunningServer]:
    with running(published.root) as server:
        yield server


@pytest.fixture(scope="module")
def heard(published: Published, server: RunningServer) -> list[str]:
    """Over HTTP, of each held-out row as a file."""
    texts = []
    with httpx.Client(timeout=60) as client:
        for row in range(len(published.rows)):
            reply = client.post(f"{server.url}/v1/models/{NAME}/transcribe", content=published.recording(row))
            assert reply.status_code == 200, reply.text
            texts.append(reply.json()["text"])
    return texts


def test_new_speakers_are_understood_after_a_short_training(published: Published) -> None:
    assert published.checkpoint.metrics["test_word_accuracy"] >= 0.6


def test_files_over_http_are_heard_as_pytorch_hears_rows(published: Published, heard: list[str]) -> None:
    labels = published.checkpoint.facts["labels"]
    expected = [ctc.text(row, labels) for row in published.outcome.answered["tokens"]]
    assert sum(one != other for one, other in zip(heard, expected, strict=True)) <= 1
    found, measured = scores(heard, published.said), published.checkpoint.metrics
    assert found["word_accuracy"] == pytest.approx(measured["test_word_accuracy"], abs=1 / 90)


def test_torchscript_hears_the_same(published: Published, heard: list[str], tmp_path: Path) -> None:
    folder = tmp_path / NAME
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.pt").write_bytes((published.root / NAME / "1" / "model.pt").read_bytes())
    config = (published.root / NAME / "config.pbtxt").read_text()
    (folder / "config.pbtxt").write_text(config.replace('backend: "onnxruntime"', 'backend: "pytorch"'))
    (folder / "labels.txt").write_bytes((published.root / NAME / "labels.txt").read_bytes())
    with running(tmp_path) as server:
        for row in range(6):
            reply = httpx.post(
                f"{server.url}/v1/models/{NAME}/transcribe", content=published.recording(row), timeout=60
            )
            assert reply.json() == {"text": heard[row]}


def test_several_at_a_time_are_heard_as_one_by_one(
    published: Published, server: RunningServer, heard: list[str]
) -> None:
    inputs = [base64.b64encode(published.recording(row)).decode() for row in range(8)]
    reply = httpx.post(f"{server.url}/v1/models/{NAME}/transcribe", json={"inputs": inputs}, timeout=60)
    assert reply.json() == [{"text": text} for text in heard[:8]]


def test_the_official_client(published: Published, server: RunningServer, heard: list[str]) -> None:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=60) as client:
        for row in range(3):
            file = (f"{row}.flac", published.recording(row, "FLAC"))
            found = client.audio.transcriptions.create(model=NAME, file=file, response_format="verbose_json")
            assert found.text == heard[row]
            length = published.rows.inputs["audio_length"][row, 0] / 8000
            assert found.duration == pytest.approx(length)


def test_the_example_is_understood(published: Published, server: RunningServer) -> None:
    example = published.root / NAME / "1" / "example.wav"
    done = slipway("predict", NAME, str(example), "--url", server.url)
    assert done.stdout.removesuffix("\n") in published.said


def test_a_checkpoint_is_the_model(published: Published) -> None:
    served = restore(SHORT, published.checkpoint)
    again = answers(served, published.checkpoint.rows.inputs)
    np.testing.assert_array_equal(again["tokens"], published.outcome.answered["tokens"])
