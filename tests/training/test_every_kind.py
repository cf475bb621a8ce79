"""Kinds of model with chance of their own, in what they read or in their steps: all go on as if never cut off."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny_answers, tiny_language
from tests.training.small_task import equal
from tests.training.texts.small_texts import reviews
from training.loop import Step, train
from training.recipes import digits_detector, digits_diffusion, docs_classifier, shop_recommender, spoken_digits
from training.snapshots import Snapshots
from training.texts.data import prepared

KINDS = {
    "texts": (docs_classifier.RECIPE, {}, {"hidden_size": 16, "intermediate_size": 16}),
    "detection": (digits_detector.RECIPE, {"scenes": 60}, {"width": 8}),
    "speech": (spoken_digits.RECIPE, {"train": 40, "held_out": 6, "voices": "formants"}, {"channels": 16}),
    "recommendation": (shop_recommender.RECIPE, {}, {"width": 8, "hidden": 8}),
    "writing": (tiny_language.RECIPE, {}, {}),
    "answering": (tiny_answers.RECIPE, {}, {}),
    "pictures": (digits_diffusion.RECIPE, {}, {"hidden": 16}),
}


class CutOff(Exception):
    pass


def cut(step: Step) -> None:
    if step.number == 5:
        raise CutOff


@pytest.mark.parametrize("name", KINDS)
def test_one_that_was_cut_off_comes_to_the_same_weights(name: str, tmp_path: Path) -> None:
    recipe, options, changes = KINDS[name]
    data: Any = (
        prepared(reviews(200), 300, 32) if name == "texts" else recipe.kind.load(None, {**recipe.data, **options})
    )
    config = replace(recipe.config, epochs=0, steps=8, batch_size=8, evaluations=2)
    task = recipe.kind.task(data, {**recipe.hyperparameters, **changes}, config)
    whole = train(task, config)

    with pytest.raises(CutOff):
        train(task, config, cut, snapshots=Snapshots(tmp_path, "it", 0.0))
    torch.manual_seed(999)
    rest = train(task, config, snapshots=Snapshots(tmp_path, "it", 0.0))

    assert equal(whole.model, rest.model)
    assert whole.history == rest.history
