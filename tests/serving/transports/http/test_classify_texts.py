"""Texts over a real socket, compared with numpy's own sums."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tokenizers import Tokenizer

from serving.transports.http.off_loop import LARGE, TELLING
from tests.running_server import RunningServer, running
from tests.tiny_encoders import LABELS, add_tiny_encoder, add_tiny_text_classifier, scores

TEXTS = ["the quick brown fox", "fox", "a lazy dog and another lazy dog that thinks of nothing"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("texts")
    add_tiny_text_classifier(root)
    add_tiny_text_classifier(root, "cutter")
    (root / "cutter" / "1" / "sentence_bert_config.json").write_text('{"max_seq_length": 16}')
    add_tiny_text_classifier(root, "without")
    (root / "without" / "1" / "tokenizer.json").unlink()
    add_tiny_encoder(root)
    return root


@pytest.fixture(scope="module")
def server(root: Path) -> Iterator[RunningServer]:
    with running(root) as server:
        yield server


@pytest.fixture(scope="module")
def tokenizer(root: Path) -> Tokenizer:
    return Tokenizer.from_file(str(root / "topics" / "1" / "tokenizer.json"))


def classify(server: RunningServer, inputs: Any, model: str = "topics", query: str = "", **parameters: Any) -> Any:
    body = {"inputs": inputs, "parameters": parameters}
    return httpx.post(f"{server.url}/v1/models/{model}/classify{query}", json=body).json()


def expected(tokens: list[int], top_k: int = 5) -> list[dict[str, Any]]:
    best = list(scores(tokens).items())[:top_k]
    return [{"label": label, "score": pytest.approx(score, abs=1e-6)} for label, score in best]


def test_a_text_has_its_labels_and_several_have_each_their_own(server: RunningServer, tokenizer: Tokenizer) -> None:
    tokens = [tokenizer.encode(text).ids for text in TEXTS]

    assert classify(server, TEXTS[0]) == expected(tokens[0])
    assert classify(server, TEXTS) == [expected(ids) for ids in tokens]
    assert classify(server, tokens) == [expected(ids) for ids in tokens]


def test_an_answer_of_thousands_of_scores_is_as_any_other(server: RunningServer, tokenizer: Tokenizer) -> None:
    rows = 2 * LARGE // TELLING // len(LABELS)
    assert classify(server, ["fox"] * rows) == [expected(tokenizer.encode("fox").ids)] * rows


def test_all_labels_or_the_best_alone(server: RunningServer, tokenizer: Tokenizer) -> None:
    ids = tokenizer.encode("fox").ids

    assert {row["label"] for row in classify(server, "fox", top_k=99)} == set(LABELS)
    assert classify(server, ["fox"], query="?top_k=1") == [expected(ids, 1)]


def test_texts_of_a_request_run_together(server: RunningServer) -> None:
    def batches() -> dict[int, int]:
        (stats,) = httpx.get(f"{server.url}/v2/models/topics/stats").json()["model_stats"]
        return {row["batch_size"]: row["compute_infer"]["count"] for row in stats["batch_stats"]}

    before = batches()
    classify(server, ["fox"] * 16)
    after = batches()
    assert max(size for size, count in after.items() if count > before.get(size, 0)) > 1


def test_long_texts_are_refused_or_cut_as_the_caller_or_the_model_wants(
    server: RunningServer, tokenizer: Tokenizer
) -> None:
    ids = tokenizer.encode("fox " * 100).ids

    assert "maximum context length is 64 tokens" in classify(server, "fox " * 100)["error"]
    assert classify(server, "fox " * 100, truncate_prompt_tokens=-1) == expected(ids[:64])
    assert classify(server, "fox " * 100, truncate_prompt_tokens=5) == expected(ids[:5])
    assert classify(server, "fox " * 100, "cutter") == expected(ids[:16])


@pytest.mark.parametrize(
    ("inputs", "model", "reason"),
    [
        (3, "topics", "'inputs' must be a string, a list of strings"),
        ("", "topics", "'inputs' must have at least one token"),
        (["fox", ""], "topics", "'inputs[1]' must have at least one token"),
        ([100_000], "topics", "must have tokens from 0 to 299"),
        ("fox", "encoder", "no output with one score per class. Use POST /v1/embeddings"),
        ("fox", "without", "has no tokenizer.json"),
    ],
)
def test_what_is_wrong_is_said(server: RunningServer, inputs: Any, model: str, reason: str) -> None:
    reply = httpx.post(f"{server.url}/v1/models/{model}/classify", json={"inputs": inputs})
    assert reply.status_code == 400
    assert reason in reply.json()["error"]


def test_who_waits_no_longer_is_told(server: RunningServer) -> None:
    late = {"X-Request-Timeout-Ms": "0.000001"}
    reply = httpx.post(f"{server.url}/v1/models/topics/classify", json={"inputs": "fox"}, headers=late)
    assert reply.status_code == 503
