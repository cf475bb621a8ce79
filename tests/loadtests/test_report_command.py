import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from loadtests.command import loadtest
from loadtests.result_file import Document, write
from tests.loadtests.report.documents import run


def test_a_page_is_made_of_a_file(tmp_path: Path) -> None:
    write(tmp_path / "a.json", Document((run(),)))
    done = CliRunner().invoke(
        loadtest, ["report", str(tmp_path / "a.json"), "--report", str(tmp_path / "new" / "a.html")]
    )
    assert done.exit_code == 0
    assert f"{run().latency.p99:.2f}" in (tmp_path / "new" / "a.html").read_text()


def test_two_files_are_compared_on_a_page(tmp_path: Path) -> None:
    for name, slower in (("a", 1.0), ("b", 2.0)):
        write(tmp_path / f"{name}.json", Document((run(slower=slower),)))
    files = [str(tmp_path / "a.json"), str(tmp_path / "b.json")]
    done = CliRunner().invoke(loadtest, ["compare", *files, "--report", str(tmp_path / "c.html")])
    assert done.exit_code == 1
    assert "B is slower" in (tmp_path / "c.html").read_text()


def test_what_can_not_be_read_or_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    done = CliRunner().invoke(loadtest, ["report", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html")])
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1)
    done = CliRunner().invoke(loadtest, ["report", str(tmp_path / "a.json"), "--report", str(tmp_path)])
    assert done.exit_code == 2
    assert "Is a directory" in done.stderr


def test_a_file_without_runs_is_told(tmp_path: Path) -> None:
    write(tmp_path / "a.json", Document(()))
    done = CliRunner().invoke(loadtest, ["report", str(tmp_path / "a.json"), "--report", str(tmp_path / "a.html")])
    assert done.exit_code == 2
    assert "holds no run" in done.stderr


def test_a_report_that_can_not_be_drawn_is_told_before_any_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = CliRunner().invoke(loadtest, ["http://127.0.0.1:1", "--report", "a.html"])
    assert done.exit_code == 2
    assert "--report needs matplotlib: pip install 'slipway-serving[loadtest]'" in done.stderr
