from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from training.config import TrainConfig
from training.errors import InvalidConfig
from training.kind import TEST, VALIDATION
from training.recipes.digits_diffusion import RECIPE

KIND = RECIPE.kind
DATA = KIND.load(None, RECIPE.data)
SMALL = {"hidden": 8, "blocks": 1, "steps": 2, "guidance": 1.5}


def test_the_recipes_digits_are_asked_for_by_word_or_number() -> None:
    assert DATA.facts["labels"][7] == "seven, 7"


def test_what_is_served_takes_a_class_and_noise_and_gives_pixels() -> None:
    served = KIND.served(KIND.build(SMALL, DATA.facts), DATA.facts)
    assert [str(spec) for spec in (*served.inputs, *served.outputs)] == [
        "label INT64 [-1,1]",
        "noise FP32 [-1,1,8,8]",
        "image FP32 [-1,1,8,8]",
    ]
    assert served.labels == {"image": tuple(DATA.facts["labels"])}
    rows = KIND.rows(DATA, TEST)
    with torch.inference_mode():
        image = served.module(*(torch.from_numpy(rows.inputs[spec.name][:3]) for spec in served.inputs))
    assert image.shape == (3, 1, 8, 8)


@pytest.mark.parametrize("part", [TEST, VALIDATION])
def test_rows_ask_for_what_held_out_pictures_show(part: str) -> None:
    rows, split = KIND.rows(DATA, part), DATA.test if part == TEST else DATA.validation
    assert np.array_equal(rows.inputs["label"][:, 0], split.labels.numpy())
    assert np.array_equal(rows.truths["real"], np.rint(split.features.numpy()))
    assert np.array_equal(rows.inputs["noise"], KIND.rows(DATA, part).inputs["noise"])


def test_of_many_that_are_sorted_there_are_some_of_each_label() -> None:
    order = torch.argsort(DATA.test.labels).repeat_interleave(2)
    many = replace(DATA.test, features=DATA.test.features[order], labels=DATA.test.labels[order])
    rows = KIND.rows(replace(DATA, test=many), TEST)

    assert len(rows) == 500 < len(many)
    assert set(rows.truths["label"].tolist()) == set(range(10))


def test_beside_each_are_pictures_of_its_label_that_were_learnt_from_all_in_all() -> None:
    truths = KIND.rows(DATA, TEST).truths
    train = {np.rint(picture).astype(np.uint8).tobytes(): label for picture, label in _pairs(DATA.train)}
    seen = {
        picture.tobytes(): label
        for label, pictures in zip(truths["label"].tolist(), truths["known"], strict=True)
        for picture in pictures
    }
    assert all(train[picture] == label for picture, label in seen.items())
    assert len(seen) > 0.9 * len(train)


def test_real_pictures_score_well_and_what_is_shown_compares_with_them() -> None:
    truths = KIND.rows(DATA, TEST).truths
    outputs = {"image": truths["real"].astype(np.float32)}
    found = KIND.score(outputs, truths, DATA.facts)
    assert list(found) == ["recognised", "variety", "novelty"]
    assert found["recognised"] > 0.97
    assert len(list(KIND.shown(outputs, truths, DATA.facts))) == (8 + 1) * 2 + 1


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"guidance": -1.0}])
def test_what_no_sampler_can_be_made_of_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InvalidConfig, match=f"model.{next(iter(wrong))} must be"):
        KIND.build({**SMALL, **wrong}, DATA.facts)


def test_pictures_of_ones_own_are_asked_for_by_their_folders_names(tmp_path: Path) -> None:
    chance = np.random.default_rng(1)
    for label in ("blot", "dot"):
        (tmp_path / label).mkdir()
        for number in range(30):
            pixels = chance.integers(0, 255, (6, 6, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{number}.png")
    data = KIND.load(tmp_path, RECIPE.data)
    model = KIND.task(data, SMALL, TrainConfig(steps=1, batch_size=8, learning_rate=0.1)).build()
    served = KIND.served(model, data.facts)
    assert served.labels["image"] == ("blot", "dot")
    assert served.outputs[0].shape == (-1, 3, 6, 6)


def _pairs(split: object) -> list[tuple[np.ndarray, int]]:
    return list(zip(split.features.numpy(), split.labels.tolist(), strict=True))  # type: ignore[attr-defined]


def test_a_report_shows_pictures_of_each_label() -> None:
    rows = KIND.rows(DATA, TEST)
    served = KIND.served(KIND.build(SMALL, DATA.facts), DATA.facts)

    (section,) = KIND.findings(served, DATA, rows, {"image": rows.truths["real"].astype(np.float32)})

    _, shown = section.parts
    assert [picture.caption for picture in shown.pictures[::4]] == DATA.facts["labels"]
    assert all(picture.png.startswith(b"\x89PNG") for picture in shown.pictures)
