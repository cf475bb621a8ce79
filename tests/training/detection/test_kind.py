import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.detection import folders
from training.detection.kind import IMAGE
from training.errors import InvalidConfig, InvalidData
from training.kind import TEST, VALIDATION
from training.recipes.digits_detector import RECIPE

KIND = RECIPE.kind
OPTIONS = {**RECIPE.data, "scenes": 12, "boxes": 6}


def test_what_is_served_takes_raw_pixels_and_gives_boxes() -> None:
    data = KIND.load(None, OPTIONS)
    served = KIND.served(KIND.build({"width": 4}, data.facts), data.facts)
    assert [str(spec) for spec in (*served.inputs, *served.outputs)] == [
        "image UINT8 [-1,1,64,64]",
        "boxes FP32 [-1,6,4]",
        "scores FP32 [-1,6]",
        "classes INT64 [-1,6]",
    ]
    assert served.labels == {"classes": tuple("0123456789")}
    answered = served.module(torch.from_numpy(KIND.rows(data, TEST).inputs[IMAGE]))
    assert [tuple(tensor.shape) for tensor in answered] == [(2, 6, 4), (2, 6), (2, 6)]


def test_rows_are_of_the_part_that_is_asked_for_and_right_answers_score_one() -> None:
    data = KIND.load(None, OPTIONS)
    assert np.array_equal(KIND.rows(data, VALIDATION).inputs[IMAGE], data.validation.pixels.numpy())
    rows = KIND.rows(data, TEST)
    right = {**rows.truths, "scores": (rows.truths["classes"] >= 0).astype(np.float32)}
    right["classes"] = right["classes"].clip(min=0)
    assert KIND.score(right, rows.truths, data.facts) == {"mAP@0.5": 1, "mAP@0.5:0.95": 1}
    with Image.open(io.BytesIO(KIND.example(rows, right, data.facts).content)) as picture:
        assert picture.size == (256, 256)
    assert len(list(KIND.shown(right, rows.truths, data.facts))) == 1


def test_a_persons_own_pictures_take_the_place_of_scenes(tmp_path: Path) -> None:
    folder = folders.write(tmp_path, folders.document(tmp_path))
    data = KIND.load(folder, {**OPTIONS, "side": 32, "channels": 3})
    assert data.facts == {"labels": ["bar", "square"], "side": 32, "channels": 3, "boxes": 6}
    task = KIND.task(data, {"width": 4}, replace(RECIPE.config, epochs=1))
    assert torch.isfinite(task.loss(task.build(), task.batch(torch.arange(4), "cpu")))


def test_what_cant_be_trained_on_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidData, match="must hold one JSON file"):
        KIND.load(tmp_path, OPTIONS)
    with pytest.raises(InvalidConfig, match=r"data\.side must be a multiple of 8"):
        KIND.load(None, {**OPTIONS, "side": 50})
