import io
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.training.small_run import run_in
from training.checkpoint import Checkpoint, load, save
from training.errors import InvalidConfig, InvalidData
from training.graph_course import GraphCourse
from training.recipes import docs_classifier, shop_recommender
from training.recipes.breast_cancer_mlp import RECIPE
from training.recipes.recipe import Recipe


def test_it_trains_tells_and_saves(tmp_path: Path) -> None:
    output = io.StringIO()
    hardly = {"epochs": 2, "seed": 7, "learning_rate": 1e-9}
    GraphCourse.of(RECIPE, hardly).train(tmp_path, Console(file=output), run_in(tmp_path))

    assert "predicted" in output.getvalue()
    assert "% on 102 test rows, with the weights after step " in output.getvalue()
    assert "\nwarning     102 rows leave it anywhere from " in output.getvalue()
    assert load(tmp_path).config == replace(RECIPE.config, epochs=2, seed=7, learning_rate=1e-9)


def test_it_publishes_what_was_saved(cancer: Checkpoint, tmp_path: Path) -> None:
    save(cancer, tmp_path / "checkpoint")
    version = GraphCourse.of(RECIPE, {}).publish(tmp_path / "checkpoint", tmp_path)

    assert version == tmp_path / "breast-cancer-mlp" / "1"


@pytest.mark.parametrize("name", ["../elsewhere", "a/b", ".hidden", 'x"y', "a b", "a\nb", "n" * 201, "-x"])
def test_a_name_that_is_no_folders_is_refused(name: str) -> None:
    with pytest.raises(InvalidConfig, match="a model's name is that of a folder: letters, digits and"):
        GraphCourse.of(RECIPE, {}, name)


def test_labels_are_shown_as_they_are_and_saved_before(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{number},{'[/x]' if number % 2 else '[red]y'}" for number in range(60)]
    table.write_text("\n".join(["height,label", *rows]))
    output = io.StringIO()
    course = GraphCourse.of(RECIPE, {"epochs": 1}, "odd", table)
    course.train(tmp_path / "checkpoint", Console(file=output, width=100), run_in(tmp_path))

    assert "[/x]" in output.getvalue()
    assert "[red]y" in output.getvalue()


def rows_of(recipe: str) -> list[dict[str, object]]:
    """What `recipe` can learn from, in which "sh\\x1bown" is a class or an item."""
    names = ["sh\x1bown", "plain"]
    if recipe == "shop-recommender":
        return [{"user": user, "item": item} for user in range(60) for item in [*names, "last"]]
    return [{"age": row, "text": f"what row {row} says", "label": names[row % 2]} for row in range(200)]


@pytest.mark.parametrize("recipe", [RECIPE, docs_classifier.RECIPE, shop_recommender.RECIPE], ids=lambda it: it.name)
def test_a_label_that_is_no_line_is_refused_before_the_training(tmp_path: Path, recipe: Recipe) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows_of(recipe.name))))

    with pytest.raises(InvalidData, match=r"rows\.jsonl has the label 'sh\\x1bown', which is not one line"):
        GraphCourse.of(recipe, {}, "mine", tmp_path / "rows.jsonl").train(tmp_path, Console(), run_in(tmp_path))


def test_what_it_is_not_trained_by_is_refused() -> None:
    with pytest.raises(InvalidConfig, match="breast-cancer-mlp has no parameter 'size'"):
        GraphCourse.of(RECIPE, {"size": "small"})
