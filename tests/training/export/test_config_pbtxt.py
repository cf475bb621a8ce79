from pathlib import Path

import pytest

from serving.core.model_config import complete, input_specs, output_specs, parse, unhonoured
from serving.core.tuning_config import fixed
from training.errors import PublishFailed
from training.export.config_pbtxt import read, render
from training.recipes.recipe import Recipe, find

CLASSIFIERS = ("digits-cnn", "breast-cancer-mlp")


def _text(recipe: Recipe) -> str:
    return render(recipe.name, recipe.input, recipe.input_meaning, recipe.output)


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_server_accepts_it_and_honours_every_field(name: str) -> None:
    recipe = find(name)
    config = complete(parse(_text(recipe), name))

    assert input_specs(config) == (recipe.input,)
    assert output_specs(config) == (recipe.output,)
    assert config.output[0].label_filename == "labels.txt"
    assert config.max_batch_size == 64
    assert config.HasField("dynamic_batching")
    assert fixed(parse(_text(recipe), name), config) == (0, 0), "a server measures what suits it"
    assert unhonoured(config) == []


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_the_repositorys_own_files_are_what_publishing_writes(name: str) -> None:
    recipe, directory = find(name), Path(__file__).parents[3] / "model_repository" / name

    assert (directory / "config.pbtxt").read_text() == _text(recipe)
    assert tuple((directory / "labels.txt").read_text().splitlines()) == recipe.labels


def test_the_default_stands_in_for_a_missing_file(tmp_path: Path) -> None:
    recipe = find("digits-cnn")

    assert read(tmp_path / "config.pbtxt", recipe.name, _text(recipe)).name == "digits-cnn"


@pytest.mark.parametrize("content", [b"name: 3", b'name: "other"', b"", b"\xff\xfe"])
def test_a_broken_file_is_refused_with_its_path(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "config.pbtxt").write_bytes(content)

    with pytest.raises(PublishFailed, match=r"config\.pbtxt: .*; correct it"):
        read(tmp_path / "config.pbtxt", "digits-cnn", "")
