import json
from pathlib import Path

import pytest

from training.errors import InvalidConfig
from training.ownership import check_free


def _version(model: Path, number: int, lineage: dict[str, str]) -> None:
    (model / str(number)).mkdir(parents=True)
    (model / str(number) / "manifest.json").write_text(json.dumps({"lineage": lineage}))


def test_what_is_not_there_and_what_the_recipe_made_is_free(tmp_path: Path) -> None:
    check_free("digits-cnn", tmp_path / "checkpoint", tmp_path / "model")
    (tmp_path / "checkpoint").mkdir()
    (tmp_path / "checkpoint" / "checkpoint.json").write_text('{"recipe": "digits-cnn"}')
    _version(tmp_path / "model", 1, {"recipe": "other"})
    _version(tmp_path / "model", 2, {"recipe": "digits-cnn"})

    check_free("digits-cnn", tmp_path / "checkpoint", tmp_path / "model")


def test_another_recipes_checkpoint_is_not_written_over(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_text('{"recipe": "shop-recommender"}')

    with pytest.raises(InvalidConfig, match="is a checkpoint of shop-recommender; give this one another --name"):
        check_free("digits-cnn", tmp_path, tmp_path / "model")


@pytest.mark.parametrize(
    ("lineage", "owner"), [({"recipe": "shop-recommender"}, "shop-recommender"), ({"source": "llama"}, "no recipe")]
)
def test_another_recipes_model_gets_no_version(tmp_path: Path, lineage: dict[str, str], owner: str) -> None:
    _version(tmp_path / "songs", 1, lineage)

    with pytest.raises(InvalidConfig, match=f"songs is a model of {owner}; give this one another --name"):
        check_free("digits-cnn", tmp_path / "checkpoint", tmp_path / "songs")


@pytest.mark.parametrize("text", ["", "[]", '{"lineage": 3}', "{}"])
def test_what_can_not_be_read_is_for_others_to_complain_about(tmp_path: Path, text: str) -> None:
    (tmp_path / "songs" / "1").mkdir(parents=True)
    (tmp_path / "songs" / "1" / "manifest.json").write_text(text)

    check_free("digits-cnn", tmp_path / "checkpoint", tmp_path / "songs")
