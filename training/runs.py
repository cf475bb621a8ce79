"""Folders of training runs: what each was asked for, where it ran, how it went, and what it needs to go on.

    runs/digits-cnn/3/run.json          settings, environment, state, metrics
                      history.jsonl     a line for each look at what is held out
                      snapshots/        until it has ended

Rule: a run is one process group's while its lock is held; one that was cut off is gone on with, not begun anew.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from training import files, readable_json
from training.group import Group
from training.loop import OnStep, Step, Trainer, train
from training.provenance import library_versions, utc_now
from training.run_files import FAILED, FINISHED, HISTORY, LOCK, RECORD, RUNNING
from training.snapshots import Snapshots

SNAPSHOTS = "snapshots"


@dataclass(frozen=True, slots=True)
class Run:
    """Written by the first process of `group` only."""

    folder: Path
    settings: Mapping[str, Any]
    group: Group
    goes_on: bool
    seconds: float = 30.0
    """From one snapshot to the next."""

    def snapshots(self, fingerprint: str) -> Snapshots:
        """For data of that fingerprint."""
        identity = hashlib.sha256(json.dumps([self.settings, fingerprint], sort_keys=True).encode()).hexdigest()
        return Snapshots(self.folder / SNAPSHOTS, identity, self.seconds)

    def trainer(self, on_step: OnStep) -> Trainer:
        """In the group, going on from snapshots, with a line of history for each look at what is held out. `on_step` is
        called after each step."""
        return lambda task, config, fingerprint: train(
            task, config, self._noted(on_step), self.group, self.snapshots(fingerprint)
        )

    def _noted(self, on_step: OnStep) -> OnStep:

        def note(step: Step) -> None:
            if step.point is not None and self.group.is_first:
                with (self.folder / HISTORY).open("a") as file:
                    file.write(json.dumps(asdict(step.point)) + "\n")
            on_step(step)

        return note

    def record(self, **fields: Any) -> None:
        """Into `run.json`, beside what is there."""
        if self.group.is_first:
            path = self.folder / RECORD
            known = json.loads(path.read_text()) if path.exists() else {}
            files.replace(path, readable_json.encode({**known, **fields}))

    def finish(self, metrics: Mapping[str, Any]) -> None:
        self.record(state=FINISHED, ended=utc_now(), metrics=dict(metrics))
        if self.group.is_first:
            self.snapshots("").remove()


@contextmanager
def begun(root: Path, name: str, settings: Mapping[str, Any], group: Group, fresh: bool = False) -> Iterator[Run]:
    """The last run of that name, where it was cut off and has the same settings, unless a `fresh` one is wanted; else
    the next. What it fails with is recorded, and raised; one that is interrupted can go on."""
    number, goes_on, lock = _numbered(root / name, settings, fresh) if group.is_first else (0, False, None)
    number = round(group.sum(number))
    run = Run(root / name / str(number), settings, group, group.agree(goes_on))
    if not run.goes_on:
        run.record(
            recipe=name,
            number=number,
            state=RUNNING,
            started=utc_now(),
            settings=settings,
            environment=environment(group),
        )
    try:
        yield run
    except Exception as error:
        run.record(state=FAILED, ended=utc_now(), error=str(error))
        raise
    finally:
        if lock is not None:
            lock.close()


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
        done = subprocess.run(["git", *words], capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()


def _numbered(folder: Path, settings: Mapping[str, Any], fresh: bool) -> tuple[int, bool, Any]:
    """A run's number, whether it goes on, and its lock."""
    last = max((int(path.name) for path in folder.glob("*") if path.name.isdigit()), default=0)
    if last and not fresh and _was_cut_off(folder / str(last), settings):
        lock = _lock(folder / str(last))
        if lock is not None:
            return last, True, lock
    number = last + 1
    while True:
        with contextlib.suppress(FileExistsError):
            (folder / str(number)).mkdir(parents=True)
            return number, False, _lock(folder / str(number))
        number += 1


def _was_cut_off(folder: Path, settings: Mapping[str, Any]) -> bool:
    try:
        known = json.loads((folder / RECORD).read_text())
    except (OSError, ValueError):
        return False
    has_begun = any((folder / SNAPSHOTS).glob("*"))
    return bool(has_begun and known["state"] == RUNNING and known["settings"] == json.loads(json.dumps(settings)))


def _lock(folder: Path) -> Any:
    """None where another process has it; it goes with the process that holds it."""
    file = (folder / LOCK).open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        return None
    return file
