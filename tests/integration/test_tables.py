"""From a table of one's own to answers for rows by their columns' names."""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from serving.core.columns import column_of
from serving.protocols import table_rows
from tests.running_server import RunningServer, running
from tests.tiny_tables import write_flowers
from training.checkpoint import Checkpoint
from training.cli import app
from training.export.package import publish
from training.recipes.breast_cancer_mlp import RECIPE
from training.run import run

Row = dict[str, Any]


@dataclass(frozen=True)
class Flowers:
    server: RunningServer
    checkpoint: Checkpoint
    table: Path


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flowers]:
    root = tmp_path_factory.mktemp("flowers")
    table = write_flowers(root / "flowers.csv")
    recipe = replace(RECIPE, config=replace(RECIPE.config, epochs=15))
    checkpoint = run(recipe, recipe.kind.load(table, {"target": "picked"}), model="flowers").checkpoint
    publish(recipe, checkpoint, root / "repository" / "flowers")
    with running(root / "repository") as server:
        yield Flowers(server, checkpoint, table)


def rows_of(table: Path) -> list[Row]:
    """As someone would send them who has the table."""
    with table.open(newline="") as file:
        return [
            {
                "height": float(row["height"]),
                "colour": row["colour"],
                "scent": int(row["scent"]) if row["scent"] else None,
                "wild": row["wild"] == "True",
            }
            for row in csv.DictReader(file)
        ]


def classified(server: RunningServer, model: str, rows: list[Row], labels: list[str]) -> np.ndarray:
    """The probabilities, in the order of `labels`."""
    answers = []
    for start in range(0, len(rows), 64):
        reply = httpx.post(f"{server.url}/v1/models/{model}/classify", json={"inputs": rows[start : start + 64]})
        assert reply.status_code == 200, reply.text
        answers += [{each["label"]: each["score"] for each in scores} for scores in reply.json()]
    return np.array([[answer[label] for label in labels] for answer in answers], np.float32)


def held_out(checkpoint: Checkpoint, rows: list[Row]) -> list[Row]:
    """Those of the test, in its order, found by what the server makes of them."""
    numbers = table_rows.decode(rows, [column_of(column) for column in checkpoint.facts["columns"]])
    by_content = {made.tobytes(): row for made, row in zip(numbers, rows, strict=True)}
    return [by_content[row.tobytes()] for row in checkpoint.rows.inputs["features"]]


def test_a_table_s_rows_are_told_apart_as_well_over_http_as_in_pytorch(flowers: Flowers) -> None:
    checkpoint, facts = flowers.checkpoint, flowers.checkpoint.facts
    rows = held_out(checkpoint, rows_of(flowers.table))
    probabilities = classified(flowers.server, "flowers", rows, facts["labels"])
    scores = RECIPE.kind.score({"probabilities": probabilities}, checkpoint.rows.truths, facts)

    assert checkpoint.metrics["test_accuracy"] >= 0.95
    assert scores["accuracy"] == checkpoint.metrics["test_accuracy"]
    assert scores == pytest.approx({name: checkpoint.metrics[f"test_{name}"] for name in scores}, abs=1e-6)


def test_what_is_missing_and_what_was_never_seen_is_answered_too(flowers: Flowers) -> None:
    row = {"height": None, "colour": None, "scent": None, "wild": None}
    rows = [row, row | {"colour": "ultraviolet"}, row | {"height": 1e30}, row | {"height": -1e30}]
    probabilities = classified(flowers.server, "flowers", rows, ["no", "yes"])

    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(probabilities[0], probabilities[1])  # no colour was missing in training
    assert probabilities[2, 1] > 0.99
    assert probabilities[3, 0] > 0.99


def test_a_column_that_the_model_does_not_have_is_told_with_those_it_has(flowers: Flowers) -> None:
    url, row = f"{flowers.server.url}/v1/models/flowers/classify", rows_of(flowers.table)[0]
    typo = httpx.post(url, json={"inputs": row | {"Hieght": 3}})
    absent = httpx.post(url, json={"inputs": {"height": 3}})

    assert (typo.status_code, absent.status_code) == (400, 400)
    assert "did you mean 'height'?" in typo.json()["error"]
    assert absent.json()["error"].endswith(
        "the columns are height (number), colour (blue, green, red), scent (number), wild (number)"
    )


def test_a_table_that_nothing_can_be_learnt_from_is_one_line_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("flowers.csv").write_text("height,picked\n" + "30,yes\n" * 9)
    result = CliRunner().invoke(
        app, ["train", "breast-cancer-mlp", "--data", "flowers.csv", "--set", "data.target=picked"]
    )

    assert result.exit_code == 1
    assert (
        result.stderr
        == "error: flowers.csv has only 'yes' in column 'picked'; a classifier needs at least two classes\n"
    )
    assert not Path("model_repository").exists()
    assert not Path("checkpoints").exists()


def test_clinical_measurements_are_diagnosed_by_their_names_or_in_their_order(
    repository: Path, cancer: Checkpoint
) -> None:
    names = [column["name"] for column in cancer.facts["columns"]]
    features = cancer.rows.inputs["features"]
    rows = [dict(zip(names, row, strict=True)) for row in features.tolist()]
    with running(repository) as server:
        probabilities = classified(server, "breast-cancer-mlp", rows, ["malignant", "benign"])
        listed = httpx.post(
            f"{server.url}/v1/models/breast-cancer-mlp/classify", json={"inputs": features[:64].tolist()}
        ).json()

    accuracy = (probabilities.argmax(axis=1) == cancer.rows.truths["label"]).mean()
    assert accuracy == cancer.metrics["test_accuracy"]
    best = [(scores[0]["label"], scores[0]["score"]) for scores in listed]
    assert best == [(["malignant", "benign"][row.argmax()], pytest.approx(row.max())) for row in probabilities[:64]]
