from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training.test_run_files import write
from training.cli import app


def told(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["runs", *words], env={"COLUMNS": "200"})
    return result.exit_code, result.output


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path, "digits-cnn", 1, (8, 0.5), seed=1)
    write(tmp_path, "digits-cnn", 2, (8, 0.5), (16, 0.25), seed=2)
    return tmp_path


def test_all_runs_are_listed(root: Path) -> None:
    status, text = told("--runs", str(root))

    assert status == 0
    assert "digits-cnn/1" in text
    assert "0.2500" in text
    assert "accuracy 0.25" in text


def test_a_narrow_terminal_folds_scores_and_cuts_nothing(root: Path) -> None:
    write(root, "breast-cancer-mlp", 1, (8, 0.5))
    write(root, "gpt-docs", 1, (400, 4.5))
    history = root / "gpt-docs" / "1" / "history.jsonl"
    history.write_text(history.read_text().replace("accuracy", "perplexity"))
    result = CliRunner().invoke(app, ["runs", "--runs", str(root)], env={"COLUMNS": "80"})

    assert max(map(len, result.output.splitlines())) <= 80
    assert "…" not in result.output
    (row,) = [line.split() for line in result.output.splitlines() if "breast-cancer-mlp/1" in line]
    assert row[1] == "finished"
    assert "accuracy" in row
    assert "perplexity" in result.output


def test_one_is_shown_with_its_history(root: Path) -> None:
    status, text = told("digits-cnn", "--runs", str(root))

    assert status == 0
    assert "digits-cnn/2" in text
    assert "train.seed" in text
    assert "0.2500" in text


def test_a_report_is_named_where_there_is_one(root: Path) -> None:
    assert "report.html" not in told("digits-cnn", "--runs", str(root))[1]
    (root / "digits-cnn" / "2" / "report.html").touch()

    assert f"report  {root / 'digits-cnn' / '2' / 'report.html'}" in told("digits-cnn", "--runs", str(root))[1]


def test_two_are_compared(root: Path) -> None:
    status, text = told("digits-cnn/1", "digits-cnn/2", "--runs", str(root))

    assert status == 0
    assert "train.seed" in text
    assert "train.steps" not in text


def test_what_is_not_there_is_told(root: Path, tmp_path: Path) -> None:
    assert told("wine", "--runs", str(root)) == (
        1,
        f"error: there is no run 'wine' in {root}; there are digits-cnn/1, digits-cnn/2\n",
    )
    status, text = told("--runs", str(tmp_path / "none"))
    assert status == 0
    assert "begin with: slipway train digits-cnn" in text
    assert told("a", "b", "c", "--runs", str(root))[0] == 2
