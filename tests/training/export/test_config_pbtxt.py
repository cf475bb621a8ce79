from pathlib import Path

import pytest
from torch import nn

from serving.core.model_config import complete, input_specs, output_specs, parse, unhonoured
from serving.core.requests import TensorSpec
from serving.core.tuning_config import fixed
from training.errors import PublishFailed
from training.export.config_pbtxt import read, render
from training.kind import Served
from training.recipes import breast_cancer_mlp, digits_cnn
from training.recipes.recipe import Recipe

RECIPES = [digits_cnn.RECIPE, breast_cancer_mlp.RECIPE]


def _served(recipe: Recipe) -> Served:
    facts = recipe.kind.load(None, recipe.data).facts
    return recipe.kind.served(recipe.kind.build(recipe.hyperparameters, facts), facts)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_server_accepts_it_and_honours_every_field(recipe: Recipe) -> None:
    served = _served(recipe)
    text = render(recipe.name, served)
    config = complete(parse(text, recipe.name))

    assert input_specs(config) == served.inputs
    assert output_specs(config) == served.outputs
    assert config.output[0].label_filename == "labels.txt"
    assert config.max_batch_size == 64
    assert config.HasField("dynamic_batching")
    assert fixed(parse(text, recipe.name), config) == (0, 0), "a server measures what suits it"
    assert unhonoured(config) == []


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.name)
def test_the_repositorys_own_files_are_what_publishing_writes(recipe: Recipe) -> None:
    served, directory = _served(recipe), Path(__file__).parents[3] / "model_repository" / recipe.name

    assert (directory / "config.pbtxt").read_text() == render(recipe.name, served)
    assert tuple((directory / "labels.txt").read_text().splitlines()) == served.labels["probabilities"]


def test_several_tensors_and_parameters_are_written_as_they_are() -> None:
    inputs = (TensorSpec("audio", "FP32", (-1, -1)), TensorSpec("audio_length", "INT64", (-1, 1)))
    outputs = (TensorSpec("tokens", "INT64", (-1, -1)), TensorSpec("sure", "FP32", (-1, 1)))
    served = Served(nn.Identity(), inputs, outputs, "sound", {"tokens": ("", "a")}, {"audio.sample_rate": "8000"})
    config = complete(parse(render("listener", served), "listener"))

    assert (input_specs(config), output_specs(config)) == (inputs, outputs)
    assert [tensor.label_filename for tensor in config.output] == ["labels.txt", ""]
    assert config.parameters["audio.sample_rate"].string_value == "8000"


def test_the_default_stands_in_for_a_missing_file(tmp_path: Path) -> None:
    recipe = digits_cnn.RECIPE

    assert read(tmp_path / "config.pbtxt", recipe.name, render(recipe.name, _served(recipe))).name == "digits-cnn"


@pytest.mark.parametrize("content", [b"name: 3", b'name: "other"', b"", b"\xff\xfe"])
def test_a_broken_file_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.pbtxt").write_bytes(content)

    with pytest.raises(PublishFailed, match=r"config\.pbtxt: .*; correct it"):
        read(tmp_path / "config.pbtxt", "digits-cnn", "")
