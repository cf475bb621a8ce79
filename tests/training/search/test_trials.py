import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from optuna.trial import TrialState
from sqlalchemy.exc import OperationalError

from tests.training.test_files import files_no_larger_than
from training.errors import TrainingError
from training.search.space import Choice, Range, Space
from training.search.trials import PRUNERS, Asked, Trials, opened, reason, score_of, storage_errors

SPACE: Space = {
    "rate": Range(0.001, 1.0, log=True),
    "size": Range(8, 64, whole=True),
    "optimizer": Choice(("adam", "sgd")),
}


def trials(folder: Path, pruner: str = "median") -> Trials:
    return opened(folder, SPACE, {"rate": 0.5, "optimizer": "sgd"}, pruner, seed=3)


def ended(found: Trials, score: float, loss: float = 1.0) -> Asked:
    asked = found.next(100)
    assert asked is not None
    found.complete(asked, score, "accuracy", loss)
    return asked


def test_the_recipes_own_parameters_come_first_and_chance_is_that_of_the_seed(tmp_path: Path) -> None:
    asked = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        for start in range(2):  # the second goes on
            found = trials(tmp_path / name)
            asked += [ended(found, score).values for score in (0.1 + start, 0.2 + start)]

    assert (asked[0]["rate"], asked[0]["optimizer"]) == (0.5, "sgd")
    assert asked[:4] == asked[4:]
    assert len({each["rate"] for each in asked}) == 4
    assert all(dimension.holds(each[name]) for each in asked for name, dimension in SPACE.items())


def test_there_are_as_many_as_were_asked_for_in_all(tmp_path: Path) -> None:
    ended(trials(tmp_path), 0.5)
    found = trials(tmp_path)
    pruned, failed = found.next(3), found.next(3)
    assert pruned is not None
    assert failed is not None
    found.prune(pruned)
    found.fail(failed, "no number")

    assert found.next(3) is None
    assert [trial.state for trial in found.told()] == [TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL]
    assert reason(found.told()[2]) == "no number"
    another = found.next(4)
    assert another is not None
    another.lock.close()


def test_the_best_has_the_highest_score_and_of_equal_ones_the_least_loss(tmp_path: Path) -> None:
    found = trials(tmp_path)
    assert found.best() is None
    for score, loss in ((0.5, 1.0), (0.75, 0.5), (0.75, 0.25), (0.25, 0.125)):
        ended(found, score, loss)

    best = found.best()
    assert best is not None
    assert (best.number, score_of(best)) == (2, "accuracy")


def test_processes_share_trials_and_one_that_is_killed_leaves_its_own_to_the_others(tmp_path: Path) -> None:
    program = (
        "from tests.training.search.test_trials import *\n"
        f"asked = trials(Path({str(tmp_path)!r})).next(2); print(asked.values['size'], flush=True); input()"
    )
    command = [sys.executable, "-c", program]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    assert other.stdout is not None
    size = int(other.stdout.readline())
    found = trials(tmp_path)
    ended(found, 0.5)
    assert found.next(2) is None, "the other one has the other trial"
    other.kill()
    other.communicate()

    again = found.next(2)
    assert again is not None
    assert (again.values["size"], again.folder.name) == (size, "0"), "whose snapshots it goes on from"
    assert [trial.number for trial in found.told()] == [1, 2]
    again.lock.close()


@pytest.mark.parametrize("pruner", PRUNERS)
def test_what_does_worse_than_others_is_pruned(pruner: str, tmp_path: Path) -> None:
    found = trials(tmp_path, pruner)
    for _ in range(5):
        good = found.next(100)
        assert good is not None
        for percent in (10, 30, 90):
            good.trial.report(0.9, percent)
            assert not good.trial.should_prune()
        found.complete(good, 0.9, "accuracy", 0.1)
    pruned = 0
    for _ in range(3):  # hyperband's brackets differ in what they bear
        bad = found.next(100)
        assert bad is not None
        for percent in (10, 30, 90):
            bad.trial.report(0.1, percent)
            if bad.trial.should_prune():
                pruned += 1
                break
        found.prune(bad)

    assert (pruned > 0) == (pruner != "none")


def test_importances_are_told_where_trials_differ(tmp_path: Path) -> None:
    found = trials(tmp_path)
    ended(found, 0.5)
    assert found.importances() == {}
    for _ in range(12):
        asked = found.next(100)
        assert asked is not None
        found.complete(asked, 1.0 if asked.values["optimizer"] == "adam" else 0.0, "accuracy", 1.0)

    shares = found.importances()
    assert max(shares, key=lambda name: shares[name]) == "optimizer"


def test_what_the_disk_does_not_take_is_told_in_a_line(tmp_path: Path) -> None:
    found = trials(tmp_path)
    wanted = r"^the search's trials.db can't be used \(disk I/O error\); when it can, the same command goes on"
    with pytest.raises(TrainingError, match=wanted), storage_errors(), files_no_larger_than(4096):
        found.next(1)
    with pytest.raises(OSError, match=r"disk is full: 'trials.db'"), storage_errors():
        raise OperationalError("", None, sqlite3.OperationalError("database or disk is full"))

    again = found.next(1)
    assert again is not None
    again.lock.close()
