import contextlib
import fcntl
import json
import subprocess
import sys
import threading
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.training.small_task import CONFIG, equal, task
from tests.training.test_files import files_no_larger_than
from training.errors import TrainingDiverged
from training.group import ALONE
from training.loop import Step, train
from training.run_files import LOCK, find
from training.runs import Run, begun

SETTINGS = {"recipe": "small", "train": {"steps": 5}}
SMALL = ("small", SETTINGS, ALONE)


def record(root: Path, number: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((root / "small" / str(number) / "run.json").read_text())
    return found


class CutOff(BaseException):
    """As a process that is killed leaves it: nothing is written any more."""


def cut_off(root: Path, has_begun: bool = True) -> None:
    with contextlib.suppress(CutOff), begun(root, "small", SETTINGS, ALONE) as run:
        if has_begun:
            (run.folder / "snapshots").mkdir()
            (run.folder / "snapshots" / "step-00000001.pt").touch()
        raise CutOff


def test_a_run_says_what_it_was_asked_for_where_and_what_came_of_it(tmp_path: Path) -> None:
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        assert find(tmp_path, "small/1").state == "running"
        run.finish({"accuracy": 0.5})

    found = record(tmp_path)
    assert (found["state"], found["settings"], found["metrics"]) == ("finished", SETTINGS, {"accuracy": 0.5})
    assert set(found["environment"]) == {"machine", "cores", "device", "processes", "shards", "libraries", "commit"}
    assert found["started"] <= found["ended"]


def test_what_a_run_fails_with_is_kept(tmp_path: Path) -> None:
    with pytest.raises(TrainingDiverged), begun(tmp_path, "small", SETTINGS, ALONE):
        raise TrainingDiverged("no number")

    assert (record(tmp_path)["state"], record(tmp_path)["error"]) == ("failed", "no number")


def test_one_that_was_cut_off_is_gone_on_with(tmp_path: Path) -> None:
    cut_off(tmp_path)
    assert find(tmp_path, "small/1").state == "cut off"
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        assert (run.folder.name, run.goes_on) == ("1", True)
        run.finish({})
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        assert (run.folder.name, run.goes_on) == ("2", False)


@pytest.mark.parametrize("fresh", [True, False])
def test_another_one_begins_where_settings_differ_or_that_is_wanted(fresh: bool, tmp_path: Path) -> None:
    cut_off(tmp_path)
    with begun(tmp_path, "small", SETTINGS if fresh else {**SETTINGS, "train": {}}, ALONE, fresh) as run:
        assert (run.folder.name, run.goes_on) == ("2", False)


def test_one_that_had_not_come_to_a_snapshot_begins_anew(tmp_path: Path) -> None:
    cut_off(tmp_path, has_begun=False)
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        assert (run.folder.name, run.goes_on) == ("2", False)


def test_one_that_still_runs_is_left_alone(tmp_path: Path) -> None:
    program = (
        "from tests.training.test_runs import *\n"
        f"with begun(Path({str(tmp_path)!r}), 'small', SETTINGS, ALONE): print('begun', flush=True); input()"
    )
    command = [sys.executable, "-c", program]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2])
    assert other.stdout is not None
    assert other.stdout.readline() == b"begun\n"
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        assert (run.folder.name, run.goes_on) == ("2", False)
    other.kill()
    other.communicate()


def test_who_only_looks_keeps_no_one_from_going_on(tmp_path: Path) -> None:
    cut_off(tmp_path)
    looks = (tmp_path / "small" / "1" / LOCK).open()
    fcntl.flock(looks, fcntl.LOCK_SH)
    threading.Timer(0.1, looks.close).start()
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        assert (run.folder.name, run.goes_on) == ("1", True)


def _through(run: Run, stop: int = 0) -> Any:
    def on_step(step: Step) -> None:
        if step.number == stop:
            raise CutOff

    return replace(run, seconds=0.0).trainer(on_step)(task(), CONFIG, "data")


def test_history_and_snapshots_lead_from_one_to_the_other(tmp_path: Path) -> None:
    whole = train(task(), CONFIG)
    with pytest.raises(CutOff), begun(tmp_path, "small", SETTINGS, ALONE) as run:
        _through(run, stop=20)
    with begun(tmp_path, "small", SETTINGS, ALONE) as run:
        done = _through(run)
        assert list((run.folder / "snapshots").iterdir())
        run.finish({})

    assert equal(whole.model, done.model)
    lines = [json.loads(line) for line in (tmp_path / "small/1/history.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines] == [8, 16, 24, 32]
    assert [line["loss"] for line in lines] == [point.loss for point in whole.history]
    assert not list((run.folder / "snapshots").iterdir()), "nobody goes on with what is finished"
    events = EventAccumulator(str(tmp_path / "small/1/tensorboard"))
    events.Reload()
    assert [event.step for event in events.Scalars("loss/held_out")] == [8, 16, 24, 32]


def test_one_that_had_no_room_goes_on_when_there_is(tmp_path: Path) -> None:
    whole = train(task(), CONFIG)
    with ExitStack() as disk:

        def on_step(step: Step) -> None:
            if step.number == 10:
                disk.enter_context(files_no_larger_than(1024))

        with pytest.raises(OSError, match=r"too large: '.*/step-00000010.pt'"), begun(tmp_path, *SMALL) as run:
            replace(run, seconds=0.0).trainer(on_step)(task(), CONFIG, "data")

    assert find(tmp_path, "small/1").state == "cut off"
    with begun(tmp_path, *SMALL) as run:
        assert run.goes_on
        assert equal(whole.model, _through(run).model)
