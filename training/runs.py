"""Folders of training runs: what each was asked for, where it ran, how it went, and what it needs to go on.

    runs/digits-cnn/3/run.json          settings, environment, state, metrics
                      history.jsonl     a line for each look at what is held out
                      tensorboard/      the same as TensorBoard reads it, where that is installed
                      snapshots/        until it has ended
                      report.html       what came of it, and model_card.md

Rule: a run is one process group's while its lock is held; one that was cut off is gone on with, not begun anew.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from training import files, readable_json
from training.config import TrainConfig
from training.event_log import EventLog
from training.group import Group
from training.loop import OnStep, Step, Trainer, train
from training.provenance import library_versions, utc_now
from training.run_files import FAILED, FINISHED, HISTORY, LOCK, RECORD, RUNNING, parameters
from training.schedule import learning_rate
from training.snapshots import Snapshots

SNAPSHOTS = "snapshots"
EVENTS = "tensorboard"
_LOOK = 0.01  # seconds that `is_held` takes at most


@dataclass(frozen=True, slots=True)
class Run:
    """Written by the first process of `group` only."""

    folder: Path
    settings: Mapping[str, Any]
    group: Group
    goes_on: bool
    seconds: float = 30.0
    """From one snapshot to the next."""
    kept: int = 2
    """Snapshots, the last ones."""
    watch: OnStep = lambda _: None
    """Called after each step, before whoever trains; the training ends with what it raises."""

    def watched(self, watch: OnStep) -> "Run":
        return replace(self, watch=watch)

    def snapshots(self, fingerprint: str) -> Snapshots:
        """For data of that fingerprint."""
        identity = hashlib.sha256(json.dumps([self.settings, fingerprint], sort_keys=True).encode()).hexdigest()
        return Snapshots(self.folder / SNAPSHOTS, identity, self.seconds, self.kept)

    def trainer(self, on_step: OnStep) -> Trainer:
        """In the group, going on from snapshots, with a line of history for each look at what is held out. `on_step` is
        called after each step."""
        return lambda task, config, fingerprint: train(
            task, config, self._noted(on_step, config), self.group, self.snapshots(fingerprint)
        )

    def _noted(self, on_step: OnStep, config: TrainConfig) -> OnStep:
        events = EventLog(self.folder / EVENTS, parameters(self.settings))

        def note(step: Step) -> None:
            if step.point is not None and self.group.is_first:
                files.append(self.folder / HISTORY, json.dumps(asdict(step.point)).encode() + b"\n")
                events.tell(step.point, learning_rate(step.number, step.steps, config))
            self.watch(step)
            on_step(step)

        return note

    def record(self, **fields: Any) -> None:
        """Into `run.json`, beside what is there."""
        if self.group.is_first:
            path = self.folder / RECORD
            known = json.loads(path.read_text()) if path.exists() else {}
            files.replace(path, readable_json.encode({**known, **fields}))

    def begin(self, name: str, number: int) -> None:
        self.record(
            recipe=name,
            number=number,
            state=RUNNING,
            started=utc_now(),
            settings=self.settings,
            environment=environment(self.group),
        )

    def fail(self, error: str) -> None:
        self.record(state=FAILED, ended=utc_now(), error=error)

    def finish(self, metrics: Mapping[str, Any], state: str = FINISHED) -> None:
        self.record(state=state, ended=utc_now(), metrics=dict(metrics))
        if self.group.is_first:
            self.snapshots("").remove()


@contextmanager
def begun(root: Path, name: str, settings: Mapping[str, Any], group: Group, fresh: bool = False) -> Iterator[Run]:
    """The last run of that name, where it was cut off and has the same settings, unless a `fresh` one is wanted; else
    the next. What it fails with is recorded, and raised; one that is interrupted, or has no room on the disk, can go
    on."""
    number, goes_on, held = _numbered(root / name, settings, fresh) if group.is_first else (0, False, None)
    number = round(group.sum(number))
    run = Run(root / name / str(number), settings, group, group.agree(goes_on))
    if not run.goes_on:
        run.begin(name, number)
    try:
        yield run
    except OSError:  # the machine's fault, and perhaps there is no room for a record
        raise
    except Exception as error:
        run.fail(str(error))
        raise
    finally:
        if held is not None:
            held.close()


def environment(group: Group) -> dict[str, Any]:
    """The machine, the libraries, and the commit that the working folder is at, where it is one of git's."""
    return {
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "device": torch.cuda.get_device_name() if group.device.startswith("cuda") else platform.machine(),
        "processes": group.size,
        "shards": group.shards,
        "libraries": library_versions("torch", "numpy"),
        "commit": _git("rev-parse", "HEAD")
        + " and changes" * bool(_git("status", "--porcelain", "--untracked-files=no")),
    }


def _git(*words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "--no-optional-locks", *words], capture_output=True, text=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _numbered(folder: Path, settings: Mapping[str, Any], fresh: bool) -> tuple[int, bool, Any]:
    """A run's number, whether it goes on, and its lock."""
    last = max((int(path.name) for path in folder.glob("*") if path.name.isdigit()), default=0)
    if last and not fresh and _was_cut_off(folder / str(last), settings):
        held = lock(folder / str(last))
        if held is not None:
            return last, True, held
    number = last + 1
    while True:
        with contextlib.suppress(FileExistsError):
            (folder / str(number)).mkdir(parents=True)
            return number, False, lock(folder / str(number))
        number += 1


def _was_cut_off(folder: Path, settings: Mapping[str, Any]) -> bool:
    try:
        known = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        return False
    has_begun = any((folder / SNAPSHOTS).glob("*"))
    return bool(has_begun and known["state"] == RUNNING and known["settings"] == json.loads(json.dumps(settings)))


def lock(folder: Path) -> Any:
    """None where another process has it; it goes with the process that holds it. Who only looks is waited for."""
    file = (folder / LOCK).open("w")
    while not _taken(file, fcntl.LOCK_EX):
        if not _taken(file, fcntl.LOCK_SH):
            file.close()
            return None
        fcntl.flock(file, fcntl.LOCK_UN)
        time.sleep(_LOOK)
    return file


def _taken(file: Any, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
