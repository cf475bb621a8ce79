"""Objects in pictures, from training to what a client finds: scenes of digits, and pictures of a person's own."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from serving.protocols.images import FILL
from tests.running_server import running
from tests.training.detection import folders
from training.export.package import publish
from training.recipes.digits_detector import RECIPE
from training.run import Outcome, run

MODEL, OWN = RECIPE.name, "squares"
SHORT = replace(RECIPE, config=replace(RECIPE.config, epochs=5, batch_size=8), data={**RECIPE.data, "scenes": 600})
ON_SQUARES = replace(
    RECIPE,
    hyperparameters={"width": 8},
    config=replace(RECIPE.config, epochs=0, steps=80),
    data={**RECIPE.data, "side": 32, "channels": 3},
)


@dataclass(frozen=True)
class Served:
    scenes: Outcome
    pictures: Path
    root: Path
    client: httpx.Client


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root, pictures = tmp_path_factory.mktemp("detectors"), tmp_path_factory.mktemp("pictures")
    folders.write(pictures, folders.document(pictures))
    scenes = run(SHORT, SHORT.kind.load(None, SHORT.data))
    publish(SHORT, scenes.checkpoint, root / MODEL)
    publish(
        ON_SQUARES, run(ON_SQUARES, ON_SQUARES.kind.load(pictures, ON_SQUARES.data), model=OWN).checkpoint, root / OWN
    )
    with running(root) as server, httpx.Client(base_url=server.url, timeout=60) as client:
        yield Served(scenes, pictures, root, client)


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def detect(served: Served, picture: bytes, model: str = MODEL, threshold: float = 0.5) -> list[dict[str, Any]]:
    reply = served.client.post(f"/v1/models/{model}/detect?threshold={threshold}", content=picture)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, Any]] = reply.json()
    return found


def box(found: dict[str, Any]) -> list[float]:
    return [found["box"][side] for side in ("xmin", "ymin", "xmax", "ymax")]


def test_held_out_scenes_score_at_least_40_percent_after_a_short_training(served: Served) -> None:
    assert served.scenes.checkpoint.metrics["test_mAP@0.5"] >= 0.4


def test_what_a_client_finds_in_picture_files_scores_as_in_pytorch(served: Served) -> None:
    rows, boxes = served.scenes.rows, SHORT.data["boxes"]
    answers = [detect(served, png(pixels[0]), threshold=0) for pixels in rows.inputs["image"]]
    outputs = {
        "boxes": np.zeros((len(rows), boxes, 4), np.float32),
        "scores": np.zeros((len(rows), boxes), np.float32),
        "classes": np.zeros((len(rows), boxes), np.int64),
    }
    for row, answer in enumerate(answers):
        for at, found in enumerate(answer):
            outputs["boxes"][row, at], outputs["scores"][row, at] = box(found), found["score"]
            outputs["classes"][row, at] = int(found["label"])
    facts, metrics = served.scenes.checkpoint.facts, served.scenes.checkpoint.metrics
    for name, value in SHORT.kind.score(outputs, rows.truths, facts).items():
        assert value == pytest.approx(metrics[f"test_{name}"], abs=1e-6)


def test_a_wide_or_high_picture_has_boxes_in_its_own_pixels(served: Served) -> None:
    """Some scenes have grey beside them, as a server puts beside a picture that is not square: without it, they are
    the same."""
    compared = 0
    for pixels in served.scenes.rows.inputs["image"][:40, 0]:
        rows, columns = (np.flatnonzero((pixels != FILL).any(axis=axis)) for axis in (1, 0))
        left, top = int(columns[0]), int(rows[0])
        scene = pixels[top : rows[-1] + 1, left : columns[-1] + 1]
        whole, alone = (detect(served, png(shown), threshold=0.2) for shown in (pixels, scene))
        moved = [np.array(box(found)) - [left, top, left, top] for found in whole]
        inside = [each.clip(0, np.tile(scene.shape[::-1], 2)) for each in moved]
        assert [found["label"] for found in alone] == [found["label"] for found in whole]
        np.testing.assert_allclose([box(found) for found in alone], inside, atol=1e-3)
        compared += len(alone) * (scene.shape != pixels.shape)
    assert compared > 10


def test_the_example_shows_what_it_is_sure_of(served: Served) -> None:
    found = detect(served, (served.root / MODEL / "1" / "example.png").read_bytes())
    assert max(max(box(each)) for each in found) > 64  # it is four times as large as what the model sees


def test_a_persons_own_objects_are_found_in_their_own_pictures(served: Served) -> None:
    right = 0
    for number in range(40):
        found = detect(served, (served.pictures / f"{number}.png").read_bytes(), OWN)
        left = number % 52
        right += [each["label"] for each in found] == ["square"] and (
            np.abs(np.array(box(found[0])) - [left, 10, left + 12, 22]).max() < 2
        )
    assert right >= 36
