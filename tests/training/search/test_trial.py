from pathlib import Path

import optuna
import pytest

from training.course import choose
from training.group import ALONE
from training.loop import Step
from training.run_files import history
from training.runs import Run
from training.search.trial import Pruned, kept, score, score_name, tried

COURSE = choose("breast-cancer-mlp", {"epochs": 4})


def run_in(folder: Path) -> Run:
    folder.mkdir()
    return Run(folder, COURSE.settings, ALONE, goes_on=False)


def nobody(_: Step) -> None:
    pass


def test_a_trial_is_a_training_that_ends_before_the_test(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize")
    trial = study.ask()
    run = run_in(tmp_path / "trial")
    point = tried(COURSE, run, trial, nobody)

    points = history(run.folder)
    assert point == min(points, key=lambda each: each["loss"])
    assert study.trials[0].intermediate_values == {
        percent: each["scores"]["accuracy"] for percent, each in zip((25, 50, 75), points, strict=False)
    }
    assert len(points) == 4
    assert not (run.folder / "checkpoint.json").exists(), "the course did not come to the test rows"


def test_it_stops_where_others_did_better(tmp_path: Path) -> None:
    study = optuna.create_study(direction="maximize", pruner=optuna.pruners.ThresholdPruner(lower=2.0))
    run = run_in(tmp_path / "trial")
    with pytest.raises(Pruned):
        tried(COURSE, run, study.ask(), nobody)

    assert len(history(run.folder)) == 1


def test_what_counts_is_of_the_weights_that_are_kept() -> None:
    points = ({"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}, {"step": 3, "loss": 0.75})

    assert (kept(points, "best")["step"], kept(points, "last")["step"]) == (2, 3)


def test_the_first_score_counts_and_without_any_the_loss() -> None:
    assert (score(2.0, {"accuracy": 0.5, "other": 0.1}), score_name({"accuracy": 0.5})) == (0.5, "accuracy")
    for scores in ({}, {"perplexity": 9.0}):
        assert (score(2.0, scores), score_name(scores)) == (-2.0, "minus loss")
