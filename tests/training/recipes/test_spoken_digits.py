import torch

from training.kind import TEST
from training.recipes.recipe import find
from training.recipes.spoken_digits import RECIPE


def test_its_name_finds_it() -> None:
    assert find("spoken-digits") is RECIPE


def test_its_options_make_data_and_its_hyperparameters_a_network_that_hears_them() -> None:
    data = RECIPE.kind.load(None, {**RECIPE.data, "train": 4, "held_out": 3, "voices": "formants"})
    model = RECIPE.kind.build(RECIPE.hyperparameters, data.facts).eval()
    rows = RECIPE.kind.rows(data, TEST)
    with torch.inference_mode():
        found, frames = model(*map(torch.from_numpy, rows.inputs.values()))
    assert found.shape[::2] == (3, len(data.facts["labels"]))
    assert frames.tolist() == [-(-length // 160) for length in rows.inputs["audio_length"].flatten().tolist()]
