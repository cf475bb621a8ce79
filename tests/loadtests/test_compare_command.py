from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from loadtests.command import loadtest
from loadtests.result_file import Document, write
from tests.loadtests.results import result_of


def file(path: Path, mean: float, seed: int, seconds: int = 30) -> str:
    write(path, Document((result_of(np.random.default_rng(seed).exponential(mean, seconds * 100)),)))
    return str(path)


@pytest.mark.parametrize(
    ("after", "seconds", "code", "words"),
    [(0.02, 30, 1, "B is slower"), (0.005, 30, 0, "B is faster"), (0.01, 3, 3, "longer runs would tell")],
)
def test_the_exit_code_says_whether_it_is_slower(
    tmp_path: Path, after: float, seconds: int, code: int, words: str
) -> None:
    files = [file(tmp_path / "a.json", 0.01, 1, seconds), file(tmp_path / "b.json", after, 2, seconds)]
    done = CliRunner().invoke(loadtest, ["compare", *files])
    assert done.exit_code == code
    assert words in done.stdout


def test_a_search_is_compared_by_the_run_that_decided_it(tmp_path: Path) -> None:
    runs = tuple(result_of(np.random.default_rng(1).exponential(mean, 3000)) for mean in (0.01, 0.02))
    write(tmp_path / "b.json", Document(runs, {"kind": "capacity", "run": 0}))
    done = CliRunner().invoke(loadtest, ["compare", file(tmp_path / "a.json", 0.01, 2), str(tmp_path / "b.json")])
    assert "B is slower" not in done.stdout


def test_what_is_no_result_is_told(tmp_path: Path) -> None:
    (tmp_path / "b.json").write_text("hello")
    done = CliRunner().invoke(loadtest, ["compare", file(tmp_path / "a.json", 0.01, 1), str(tmp_path / "b.json")])
    assert done.exit_code == 2
    assert "no result of a load test" in done.stderr
