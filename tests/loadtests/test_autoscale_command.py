import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from loadtests.command import loadtest
from loadtests.result_file import write
from tests.loadtests.autoscaling.test_service import CAPACITY, document, run_of


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("measured") / "found.json"
    write(path, document(run_of(20, [1] * 9 + [2]), run_of(CAPACITY, [5, 6, 7, 8])))
    return path


def said(*arguments: object) -> Result:
    return CliRunner().invoke(loadtest, ["autoscale", *map(str, arguments)], env={"COLUMNS": "200"})


def test_it_says_what_to_hold_and_what_comes_of_it(measured: Path, tmp_path: Path) -> None:
    plot = tmp_path / "plot.svg"
    done = said(measured, "--rate", 260, "--seconds", 60, "--sheds", "--plot", plot)
    assert done.exit_code == 0, done.output
    assert "200 requests/s hold p99<100ms" in done.output
    assert re.search(r"requestsPerSecondPerReplica 140, requestsInFlightPerReplica \d", done.output)
    assert "ready about 105 s after the load has grown; by then it may have grown by 43%" in done.output
    assert re.search(r"(100\.00|99\.\d\d)% of the requests were within 100 ms", done.output)
    assert plot.read_bytes().startswith(b"<?xml")


def test_it_fails_where_the_objective_is_missed(measured: Path) -> None:
    done = said(measured, "--rate", 500, "--seconds", 60, "--max", 2, "--sheds")
    assert done.exit_code == 1
    assert done.output.splitlines()[-1] == "it asked for all 2 replicas that it may have: give more with --max"


def test_a_plot_is_what_its_name_says(measured: Path, tmp_path: Path) -> None:
    said(measured, "--rate", 10, "--seconds", 60, "--plot", tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input_is_told_in_a_line(measured: Path, tmp_path: Path) -> None:
    (tmp_path / "text.json").write_text("text")
    for words, arguments in {
        "is no result of a load test": (tmp_path / "text.json", "--rate", 10),
        "traffic is either --rate": (measured,),
        "--max must be at least --min": (measured, "--rate", 10, "--min", 5, "--max", 4),
        "--plot": (measured, "--rate", 10, "--plot", tmp_path),
    }.items():
        done = said(*arguments)
        assert done.exit_code == 2
        assert words in done.output
        assert len(done.output.splitlines()) == 1
