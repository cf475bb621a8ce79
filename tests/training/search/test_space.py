from pathlib import Path
from typing import Any

import pytest

from training.course import choose
from training.errors import InvalidConfig
from training.search.space import Choice, Range, check, default, document, known, parsed, read, starting

PARAMETERS = {
    "learning_rate": 0.01,
    "weight_decay": 0.0,
    "optimizer": "adam",
    "batch_size": 32,
    "epochs": 40,
    "compile": False,
    "model.hidden": 64,
}


def test_a_file_says_what_is_tried_and_other_tables_are_others_business(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text(
        "[train]\nseed = 7\n[search]\nlearning_rate = {low=1e-4, high=1, log=true}\nbatch_size = {low=8, high=64}\n"
        'optimizer = ["adam", "sgd"]\ncompile = [true, false]\nmodel.hidden = [32, 64]\n'
    )
    assert parsed(read(tmp_path / "some.toml"), PARAMETERS) == {
        "learning_rate": Range(1e-4, 1.0, log=True),
        "batch_size": Range(8, 64, whole=True),
        "optimizer": Choice(("adam", "sgd")),
        "compile": Choice((True, False)),
        "model.hidden": Choice((32, 64)),
    }
    (tmp_path / "other.toml").write_text("[train]\nseed = 7\n")
    assert read(tmp_path / "other.toml") == {}


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"learning_rat": [1.0]},
            r"^there is no parameter 'learning_rat' to search for; did you mean learning_rate\?$",
        ),
        ({"model.hiden": [1]}, r"no parameter 'model.hiden' to search for; did you mean model.hidden\?$"),
        ({"learning_rate": 0.1}, r"^search.learning_rate must be a list of values, or a table such as .*, got 0.1$"),
        ({"learning_rate": []}, r"must be a list of values, or a table such as .*, got \[\]$"),
        ({"learning_rate": {"low": 0.1}}, r"must be a list of values, or a table such as .*, got \{'low': 0.1\}$"),
        ({"learning_rate": {"low": 0.1, "high": 0.2, "lok": True}}, "must be a list of values, or a table such as"),
        ({"learning_rate": {"low": 0.2, "high": 0.1}}, "^search.learning_rate: low must be below high, got 0.2 and"),
        ({"learning_rate": {"low": float("nan"), "high": 0.1}}, "low must be below high, got nan and 0.1$"),
        ({"weight_decay": {"low": 0, "high": 0.1, "log": True}}, "low must be above 0 where log is true, got 0.0$"),
        ({"learning_rate": {"low": "a", "high": 0.1}}, "^search.learning_rate.low must be a number, got 'a'$"),
        ({"learning_rate": {"low": 0.1, "high": 0.2, "log": 1}}, "^search.learning_rate.log must be true or false"),
        ({"batch_size": {"low": 1.5, "high": 2}}, "^search.batch_size.low must be a whole number, got 1.5$"),
        ({"optimizer": {"low": 1, "high": 2}}, "^search.optimizer must be a list of values, since it is a text"),
        ({"compile": {"low": 0, "high": 1}}, "must be a list of values, since it is true or false"),
        ({"optimizer": ["adam", 3]}, "^search.optimizer must be a text, got 3$"),
        ({"optimizer": ["adam", "adam"]}, "^search.optimizer has a value twice"),
    ],
)
def test_what_is_no_space_is_refused_by_its_name(table: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        parsed(table, PARAMETERS)


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"learning_rate": Range(0.1, 5.0)}, "^search.learning_rate: learning_rate must be above 0 and .*, got 5.0$"),
        ({"optimizer": Choice(("adam", "lion"))}, "^search.optimizer: optimizer must be one of .*, got 'lion'$"),
    ],
)
def test_ends_that_no_training_would_take_are_refused(space: Any, message: str) -> None:
    with pytest.raises(InvalidConfig, match=message):
        check(space, lambda changes: choose("digits-cnn", changes))


def test_what_a_recipe_suggests_is_around_its_own_parameters_and_can_be_trained() -> None:
    parameters = known(choose("digits-cnn", {}).settings)
    space = default(parameters, {"hidden": (64, 128)})
    check(space, lambda changes: choose("digits-cnn", changes))

    assert space["batch_size"] == Choice((16, 32, 64))
    assert space["model.hidden"] == Choice((64, 128))
    assert set(starting(space, parameters)) == set(space)
    assert default({**parameters, "batch_size": 1}, {})["batch_size"] == Choice((1, 2))
    writer = default(known(choose("gpt-docs", {}).settings), {})
    assert set(writer) == {"learning_rate", "weight_decay"}


def test_what_starts_is_what_the_space_has_of_the_parameters() -> None:
    space = {"learning_rate": Range(0.1, 0.2), "optimizer": Choice(("sgd", "adam")), "batch_size": Range(8, 64)}

    assert starting(space, PARAMETERS) == {"optimizer": "adam", "batch_size": 32}
    assert document(space)["optimizer"] == {"values": ("sgd", "adam")}
