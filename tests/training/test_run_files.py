import json
from pathlib import Path
from typing import Any

import pytest

from training.errors import NoSuchRun
from training.run_files import all_runs, differences, find


def write(root: Path, name: str, number: int, *points: tuple[int, float], **settings: Any) -> None:
    folder = root / name / str(number)
    folder.mkdir(parents=True)
    record = {
        "state": "finished",
        "started": "2026-11-24T10:00:00Z",
        "ended": "2026-11-24T10:00:09Z",
        "settings": {"recipe": name, "train": settings},
        "environment": {"machine": "one"},
        "metrics": {"accuracy": 0.5},
    }
    (folder / "run.json").write_text(json.dumps(record))
    lines = [{"step": step, "train_loss": 1.0, "loss": loss, "scores": {"accuracy": 0.25}} for step, loss in points]
    (folder / "history.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def test_runs_are_told_in_their_order_and_what_is_none_is_left_out(tmp_path: Path) -> None:
    for name, number in (("b", 1), ("a", 10), ("a", 9)):
        write(tmp_path, name, number)
    (tmp_path / "a" / "11").mkdir()
    (tmp_path / "c" / "1").mkdir(parents=True)
    (tmp_path / "c" / "1" / "run.json").write_text("half of i")

    assert [told.title for told in all_runs(tmp_path)] == ["a/9", "a/10", "b/1"]


def test_a_run_that_went_on_tells_no_step_twice(tmp_path: Path) -> None:
    write(tmp_path, "a", 1, (8, 3.0), (16, 1.0), (16, 1.0), (24, 2.0))
    told = find(tmp_path, "a/1")

    assert [point["step"] for point in told.history] == [8, 16, 24]
    assert told.best is not None
    assert told.best["step"] == 16
    assert told.seconds == 9


def test_the_last_of_a_name_is_found_without_a_number(tmp_path: Path) -> None:
    write(tmp_path, "a", 1)
    write(tmp_path, "a", 2)

    assert find(tmp_path, "a").title == "a/2"
    with pytest.raises(NoSuchRun, match=r"no run 'a/3' in .*; there are a/1, a/2"):
        find(tmp_path, "a/3")


def test_parameters_that_differ_are_told(tmp_path: Path) -> None:
    write(tmp_path, "a", 1, seed=1, steps=5)
    write(tmp_path, "a", 2, seed=2, steps=5, more="x")
    found = list(differences(find(tmp_path, "a/1"), find(tmp_path, "a/2")))

    assert found == [("train.seed", 1, 2), ("train.more", None, "x")]
