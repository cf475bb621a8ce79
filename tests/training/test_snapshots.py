"""Runs that are cut off at any moment, and go on."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.small_task import CONFIG, equal, task
from training.errors import CheckpointError
from training.loop import Step, train
from training.snapshots import Snapshots

LONG = replace(CONFIG, epochs=6, schedule="cosine", optimizer="momentum", precision="bf16")


class CutOff(Exception):
    pass


def cut_off_after(number: int):  # type: ignore[no-untyped-def]
    def on_step(step: Step) -> None:
        if step.number == number:
            raise CutOff

    return on_step


def snapshots(directory: Path, identity: str = "this") -> Snapshots:
    return Snapshots(directory, identity, seconds=0.0)


@pytest.mark.parametrize("number", [1, 7, 8, 9, 20])
def test_a_run_that_was_cut_off_ends_with_the_same_weights(tmp_path: Path, number: int) -> None:
    """In the middle of a pass, and at its end."""
    whole = train(task(LONG), LONG)
    with pytest.raises(CutOff):
        train(task(LONG), LONG, cut_off_after(number), snapshots=snapshots(tmp_path))
    seen: list[Step] = []
    gone_on = train(task(LONG), LONG, seen.append, snapshots=snapshots(tmp_path))

    assert seen[0].number == number, "that step was taken, and its snapshot was not written any more"
    assert equal(whole.model, gone_on.model)
    assert whole.history == gone_on.history
    assert whole.step == gone_on.step


def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_weights(tmp_path: Path) -> None:
    whole = train(task(LONG), LONG)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    for delay in (0.0, 0.003, 0.011):  # after its first step
        program = (
            "from pathlib import Path; from threading import Timer; from tests.training.test_snapshots import *; "
            f"kill = lambda _: Timer({delay}, os.kill, (os.getpid(), signal.SIGKILL)).start(); "
            f"train(task(LONG), LONG, kill, snapshots=snapshots(Path({str(tmp_path)!r})))"
        )
        done = subprocess.run([sys.executable, "-c", program], env=environment, check=False)
        assert done.returncode == -signal.SIGKILL
    gone_on = train(task(LONG), LONG, snapshots=snapshots(tmp_path))

    assert equal(whole.model, gone_on.model)
    assert whole.history == gone_on.history


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_last_ones_are_kept_and_none_once_the_run_is_over(tmp_path: Path, count: int) -> None:
    kept = replace(snapshots(tmp_path), kept=count)
    train(task(), CONFIG, snapshots=kept)

    names = [f"step-000000{step}.pt" for step in (30, 31, 32)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names[-count:]
    kept.remove()
    assert list(tmp_path.iterdir()) == []


def test_they_are_written_when_it_is_time(tmp_path: Path) -> None:
    train(task(), CONFIG, snapshots=Snapshots(tmp_path, "this", seconds=3600))

    assert list(tmp_path.iterdir()) == []


def test_those_of_another_run_are_refused(tmp_path: Path) -> None:
    train(task(), CONFIG, snapshots=snapshots(tmp_path))

    with pytest.raises(CheckpointError, match=r"step-00000032.pt is of a run with other parameters or data; .*--fresh"):
        train(task(), CONFIG, snapshots=snapshots(tmp_path, "another"))


class Harm:
    """Unpickling it leaves a folder."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, (str(self._path),)


def test_code_in_one_is_not_run(tmp_path: Path) -> None:
    torch.save({"model": Harm(tmp_path / "harm")}, tmp_path / "step-00000009.pt")

    with pytest.raises(CheckpointError, match=r"step-00000009.pt can't be read \(UnpicklingError"):
        train(task(), CONFIG, snapshots=snapshots(tmp_path))

    assert not (tmp_path / "harm").exists()
    torch.load(tmp_path / "step-00000009.pt", weights_only=False)
    assert (tmp_path / "harm").exists(), "it would have done harm"


def test_one_that_can_not_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "step-00000009.pt").write_bytes(b"PK\x03\x04 half of it")

    with pytest.raises(CheckpointError, match=r"step-00000009.pt can't be read"):
        train(task(), CONFIG, snapshots=snapshots(tmp_path))
