"""A person's own table of who had what, to recommendations over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from tests.running_server import RunningServer, running
from training.checkpoint import Checkpoint
from training.data import shop
from training.export.package import publish
from training.recipes.shop_recommender import RECIPE as FULL
from training.recommendation.scores import popularity_scores, ranking_scores
from training.run import run

NAME = "my-shop"
RECIPE = replace(
    FULL,
    config=replace(FULL.config, epochs=6),
    data={**FULL.data, "user": "customer", "item": "product", "time": "when"},
)
BEST = 50  # items of a list


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    lines = [f"{user},{item},{number}" for user, item, number in shop.purchases(1500)]
    table = tmp_path_factory.mktemp("shop") / "purchases.csv"
    table.write_text("\n".join(["customer,product,when", *lines, lines[0], "customer 1,,3"]))
    data = RECIPE.kind.load(table, RECIPE.data)
    assert data.card.dropped == {"duplicate": 1, "missing value": 1}
    return run(RECIPE, data, model=NAME).checkpoint


@pytest.fixture(scope="module")
def repository(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("my_models")
    publish(RECIPE, checkpoint, root / NAME)
    return root


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[RunningServer]:
    with running(repository) as server:
        yield server


def ask(server: RunningServer, inputs: Any, top_k: int = BEST) -> Any:
    body = {"inputs": inputs, "parameters": {"top_k": top_k}}
    reply = httpx.post(f"{server.url}/v1/models/{NAME}/recommend", json=body, timeout=60)
    assert reply.status_code == 200, reply.text
    return reply.json()


def named(checkpoint: Checkpoint, numbers: np.ndarray) -> list[str]:
    return [checkpoint.facts["labels"][number] for number in numbers.tolist() if number >= 0]


def test_what_comes_next_is_found_far_more_often_than_by_popularity(checkpoint: Checkpoint) -> None:
    truths = checkpoint.rows.truths
    popular = popularity_scores(checkpoint.facts["popular"], truths["known"], truths["following"], BEST)
    assert checkpoint.metrics["test_hit_rate_10"] >= 0.6
    assert checkpoint.metrics["test_hit_rate_10"] > 4 * popular["hit_rate_10"]


def test_over_http_the_scores_are_those_of_pytorch(checkpoint: Checkpoint, server: RunningServer) -> None:
    numbers = {name: number for number, name in enumerate(checkpoint.facts["labels"])}
    histories = [named(checkpoint, history) for history in checkpoint.rows.inputs["history"]]
    lists = [row for start in range(0, len(histories), 64) for row in ask(server, histories[start : start + 64])]
    found = np.full((len(lists), BEST), -1)
    for row, answers in enumerate(lists):
        found[row, : len(answers)] = [numbers[answer["item"]] for answer in answers]
        assert not {answer["item"] for answer in answers} & set(histories[row])
    for name, value in ranking_scores(found, checkpoint.rows.truths["following"]).items():
        assert value == pytest.approx(checkpoint.metrics[f"test_{name}"], abs=1e-6), name


def test_a_person_sees_sense(server: RunningServer) -> None:
    best = [answer["item"] for answer in ask(server, ["camping 01", "camping 02"], top_k=3)]
    assert "camping 03" in best
    assert len(ask(server, [], top_k=5)) == 5


def test_the_example_beside_the_model_can_be_sent(repository: Path, server: RunningServer) -> None:
    example = json.loads((repository / NAME / "1" / "example.json").read_text())
    assert len(ask(server, example["inputs"], example["parameters"]["top_k"])) == 5
