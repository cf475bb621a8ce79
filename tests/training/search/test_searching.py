import json
from pathlib import Path

import pytest
from optuna.trial import TrialState
from rich.console import Console

from training.errors import InvalidConfig
from training.group import ALONE
from training.run_files import all_runs
from training.search.searching import Question, question, search
from training.search.shown import trials_shown
from training.search.trials import Trials

TOO_LARGE = 2**44  # units, of which no machine holds a layer
FIRST = Question("breast-cancer-mlp", {"epochs": 3}, "", None, {}, "none")


def searched(asked: Question, total: int, runs: Path) -> Trials:
    trials = asked.trials(runs, fresh=False)
    with trials_shown("some", total, Console(quiet=True)) as shown:
        search(asked, trials, total, ALONE, shown)
    return trials


def test_a_search_tries_what_the_recipe_suggests_but_for_what_is_fixed(tmp_path: Path) -> None:
    asked = question(FIRST, {})
    trials = searched(asked, 2, tmp_path)

    assert set(asked.space) == {"learning_rate", "weight_decay", "optimizer", "batch_size", "model.hidden"}
    assert "optimizer" not in question(Question("digits-cnn", {"optimizer": "sgd"}, "", None, {}, "none"), {}).space
    assert trials.folder == tmp_path / "breast-cancer-mlp" / "search" / "1"
    first, second = trials.told()
    assert first.params == {
        "learning_rate": 1e-3,
        "weight_decay": 1e-4,
        "optimizer": "adam",
        "batch_size": 32,
        "model.hidden": 64,
    }
    assert second.params != first.params
    one, other = all_runs(trials.folder)
    assert [told.state for told in (one, other)] == ["finished", "finished"]
    assert (one.record["metrics"]["accuracy"], len(one.history)) == (first.value, 3)
    assert not list(trials.folder.rglob("*.safetensors")), "no trial keeps weights"


def test_one_that_fails_is_told_and_the_rest_goes_on(tmp_path: Path) -> None:
    asked = question(FIRST, {"model.hidden": [TOO_LARGE, 8], "learning_rate": [1e-3, 1.0], "optimizer": ["sgd"]})
    trials = searched(asked, 6, tmp_path)

    states = {(trial.params["model.hidden"], trial.state) for trial in trials.told()}
    assert states == {(TOO_LARGE, TrialState.FAIL), (8, TrialState.COMPLETE)}
    failed = next(told for told in all_runs(trials.folder) if told.record["settings"]["model"]["hidden"] == TOO_LARGE)
    assert failed.state == "failed"
    assert failed.record["error"].startswith("no network can be made with these hyper-parameters")


def test_the_same_search_goes_on(tmp_path: Path) -> None:
    asked = question(FIRST, {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True}})
    whole = [trial.params for trial in searched(asked, 3, tmp_path / "whole").told()]
    searched(asked, 1, tmp_path / "parts")

    assert [trial.params for trial in searched(asked, 3, tmp_path / "parts").told()] == whole
    document = json.loads((tmp_path / "parts/breast-cancer-mlp/search/1/search.json").read_text())
    assert document["space"] == {"learning_rate": {"low": 1e-4, "high": 1e-1, "log": True, "whole": False}}


def test_what_is_searched_for_is_not_set() -> None:
    with pytest.raises(InvalidConfig, match=r"^epochs: searched for and set at once"):
        question(FIRST, {"epochs": [1, 2]})
