"""Models of people's own pictures, trained, published, and asked with the files that they were tested on."""

import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from tests.picture_files import add, add_mnist, pixels
from tests.running_server import RunningServer, running
from tests.training.small_run import run_in
from training.answers import answers
from training.checkpoint import load
from training.graph_course import GraphCourse
from training.recipes.recipe import Recipe, find
from training.run import restore

FAST = {"model.width": 8, "batch_size": 16}
TESTED = range(1000, 1020)  # numbers of the files that are given to be tested


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("own_pictures")


@pytest.fixture(scope="module")
def shapes(root: Path) -> Path:
    """Larger than the model takes, and in colours; one file is cut off, and one comes twice."""
    folder = root / "shapes"
    for label in ("square", "cross"):
        add(folder / "train", label, 60, mode="RGB", side=48)
        add(folder / "test", label, len(TESTED), first=TESTED.start, mode="RGB", side=48)
    one = (folder / "train" / "cross" / "0.png").read_bytes()
    (folder / "train" / "cross" / "cut.png").write_bytes(one[: len(one) // 2])
    (folder / "train" / "cross" / "again.png").write_bytes(one)
    return folder


@pytest.fixture(scope="module")
def numbers(root: Path) -> Path:
    folder = root / "numbers"
    folder.mkdir()
    add_mnist(folder, zipped=True)
    return folder


def published(recipe_name: str, name: str, source: Path, root: Path, **changes: Any) -> Mapping[str, Any]:
    """The metrics."""
    recipe = find(recipe_name)
    assert isinstance(recipe, Recipe)
    course = GraphCourse.of(recipe, {**FAST, **changes}, name, source)
    metrics = course.train(root / "checkpoints" / name, Console(file=io.StringIO()), run_in(root / "runs" / name))
    course.publish(root / "checkpoints" / name, root / "repository")
    return metrics


@pytest.fixture(scope="module")
def metrics(root: Path, shapes: Path, numbers: Path) -> Mapping[str, Mapping[str, Any]]:
    return {
        "shapes": published("digits-resnet", "shapes", shapes, root, epochs=4, **{"data.side": 16, "data.flip": True}),
        "numbers": published("digits-vit", "numbers", numbers, root, epochs=1, **{"model.patches": 3}),
    }


@pytest.fixture(scope="module")
def server(root: Path, metrics: object) -> Iterator[RunningServer]:
    with running(root / "repository") as started:
        yield started


def answered(server: RunningServer, model: str, pictures: list[bytes]) -> list[tuple[str, float]]:
    """The best label of each, and its score."""
    with httpx.Client(base_url=server.url) as client:
        replies = [client.post(f"/v1/models/{model}/classify", content=picture) for picture in pictures]
    assert {reply.status_code for reply in replies} == {200}, replies[0].text
    return [(best["label"], best["score"]) for best in (reply.json()[0] for reply in replies)]


def of_pytorch(name: str, recipe_name: str, root: Path) -> list[tuple[str, float]]:
    recipe, checkpoint = find(recipe_name), load(root / "checkpoints" / name)
    assert isinstance(recipe, Recipe)
    found = answers(restore(recipe, checkpoint), checkpoint.rows.inputs)["probabilities"]
    return [(checkpoint.facts["labels"][row.argmax()], float(row.max())) for row in found]


def test_files_of_a_folder_are_answered_over_http_as_in_pytorch(
    server: RunningServer, shapes: Path, root: Path, metrics: Mapping[str, Mapping[str, Any]]
) -> None:
    files = sorted((shapes / "test").rglob("*.png"))
    found = answered(server, "shapes", [path.read_bytes() for path in files])

    assert len(files) == 2 * len(TESTED)
    expected = of_pytorch("shapes", "digits-resnet", root)
    assert [label for label, _ in found] == [label for label, _ in expected]
    assert [score for _, score in found] == pytest.approx([score for _, score in expected], abs=1e-4)
    right = [label == path.parent.name for (label, _), path in zip(found, files, strict=True)]
    assert np.mean(right) == pytest.approx(metrics["shapes"]["test_accuracy"], abs=1e-6)
    assert np.mean(right) >= 0.9


def test_pictures_of_idx_files_are_answered_over_http_as_in_pytorch(
    server: RunningServer, metrics: Mapping[str, Mapping[str, Any]]
) -> None:
    found = answered(server, "numbers", [png(row) for row in pixels(20, seed=2)])

    right = [label == str(number % 10) for number, (label, _) in enumerate(found)]
    assert np.mean(right) == pytest.approx(metrics["numbers"]["test_accuracy"], abs=1e-6)


def png(row: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(row).save(buffer, "PNG")
    return buffer.getvalue()
