"""A search's trials, in one SQLite file that processes share and that a search goes on from.

Rule: a trial is a process's while that holds its lock; one that was cut off is asked for again, and goes on.
"""

import errno
import fcntl
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import optuna
from optuna.exceptions import StorageInternalError
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import TPESampler
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy import URL
from sqlalchemy.exc import SQLAlchemyError

from training.errors import TrainingError
from training.run_files import LOCK, is_held
from training.runs import lock
from training.search.space import Choice, Dimension, Space
from training.settings import Value
from training.task import mixed

_STORAGE = "trials.db"
_PLACE, _REASON, _LOSS, _SCORE = "place", "reason", "loss", "score"
_FIRST_LOOK = 10  # per cent of a training; before it, nothing is pruned
PRUNERS = ("median", "halving", "hyperband", "none")


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial that this process has until it has told its end, or closes `lock`; with `folder` for its files."""

    trial: optuna.Trial
    values: Mapping[str, Value]
    folder: Path
    lock: Any


@dataclass(frozen=True, slots=True)
class Trials:
    """In `folder`; values of `space`, the higher the better, `start` first. `seed` decides what is tried."""

    folder: Path
    space: Space
    study: optuna.Study
    seed: int

    def next(self, total: int) -> Asked | None:
        """None where there are so many that have ended or that other processes have."""
        with alone(self.folder):
            self._ask_again()
            if sum(map(_counts, self.study.trials)) >= total:
                return None
            # Chance is that of the trial's number, so that a search that goes on tries what it would have tried.
            self.study.sampler = TPESampler(seed=mixed(self.seed, len(self.study.trials)) % 2**32)
            trial = self.study.ask()
            values = {name: _suggested(trial, name, dimension) for name, dimension in self.space.items()}
            folder = self._place(trial.number, trial.user_attrs)
            folder.mkdir(parents=True, exist_ok=True)
            return Asked(trial, values, folder, lock(folder))

    def complete(self, asked: Asked, score: float, of: str, loss: float) -> None:
        """`of` is what the score is called."""
        asked.trial.set_user_attr(_SCORE, of)
        asked.trial.set_user_attr(_LOSS, loss)
        self.study.tell(asked.trial, score)
        asked.lock.close()

    def prune(self, asked: Asked) -> None:
        self.study.tell(asked.trial, state=TrialState.PRUNED)
        asked.lock.close()

    def fail(self, asked: Asked, reason: str) -> None:
        asked.trial.set_user_attr(_REASON, reason)
        self.study.tell(asked.trial, state=TrialState.FAIL)
        asked.lock.close()

    def told(self) -> list[FrozenTrial]:
        """Those that ended, or are under way, in their order."""
        return [trial for trial in self.study.trials if _counts(trial)]

    def best(self) -> FrozenTrial | None:
        """Of equally good ones, that with the least loss."""
        complete = [trial for trial in self.study.trials if trial.state == TrialState.COMPLETE]
        return max(complete, key=lambda trial: (trial.value, -trial.user_attrs[_LOSS]), default=None)

    def importances(self) -> Mapping[str, float]:
        """Each parameter's share of what decided the score; empty where too few trials differ."""
        with warnings.catch_warnings(action="error"):
            try:
                return optuna.importance.get_param_importances(self.study)
            except (RuntimeError, ValueError, UserWarning):
                return {}

    def _ask_again(self) -> None:
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            place = self._place(trial.number, trial.user_attrs)
            if not is_held(place):
                self.study.enqueue_trial(trial.params, user_attrs={_PLACE: place.name})
                self.study.tell(trial.number, state=TrialState.FAIL)

    def _place(self, number: int, attributes: Mapping[str, Any]) -> Path:
        return self.folder / "trials" / str(attributes.get(_PLACE, number))


def opened(folder: Path, space: Space, start: Mapping[str, Value], pruner: str, seed: int) -> Trials:
    """Those that there are, or none yet."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with alone(folder):
        url = URL.create("sqlite", database=str((folder / _STORAGE).absolute()))
        study = optuna.create_study(
            storage=url.render_as_string(),
            pruner=_pruner(pruner),
            study_name="search",
            direction="maximize",
            load_if_exists=True,
        )
        if not study.trials:
            study.enqueue_trial(dict(start))
    return Trials(folder, space, study, seed)


def score_of(trial: FrozenTrial) -> str:
    """What the score of one that is complete is called."""
    return str(trial.user_attrs[_SCORE])


def reason(trial: FrozenTrial) -> str:
    """Why it failed."""
    return str(trial.user_attrs.get(_REASON, ""))


@contextmanager
def storage_errors() -> Iterator[None]:
    """What goes wrong with the file of trials, as errors of ours: OSError where there is no room, `TrainingError`."""
    try:
        yield
    except (StorageInternalError, SQLAlchemyError) as error:
        text = str(getattr(error.__cause__ or error, "orig", None) or error.__cause__ or error)
        if "full" in text:
            raise OSError(errno.ENOSPC, text, _STORAGE) from None
        advice = "when it can, the same command goes on; --fresh begins anew"
        raise TrainingError(f"the search's {_STORAGE} can't be used ({text}); {advice}") from None


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """While this process is the only one that looks and changes."""
    with (folder / LOCK).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _counts(trial: FrozenTrial) -> bool:
    """Not one that waits, and not one that was cut off."""
    return trial.state != TrialState.WAITING and (trial.state != TrialState.FAIL or _REASON in trial.user_attrs)


def _suggested(trial: optuna.Trial, name: str, dimension: Dimension) -> Value:
    if isinstance(dimension, Choice):
        return cast(Value, trial.suggest_categorical(name, dimension.values))
    if dimension.whole:
        return trial.suggest_int(name, int(dimension.low), int(dimension.high), log=dimension.log)
    return trial.suggest_float(name, dimension.low, dimension.high, log=dimension.log)


def _pruner(name: str) -> BasePruner:
    """A step is a per cent of a training, so that trainings of different lengths compare."""
    match name:
        case "median":
            return MedianPruner(n_warmup_steps=_FIRST_LOOK)
        case "halving":
            return SuccessiveHalvingPruner(min_resource=_FIRST_LOOK, reduction_factor=3)
        case "hyperband":
            return HyperbandPruner(min_resource=_FIRST_LOOK, max_resource=100, reduction_factor=3)
        case _:
            return NopPruner()
