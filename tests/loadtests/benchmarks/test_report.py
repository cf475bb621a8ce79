import pytest

from loadtests.benchmarks.report import last_line, run_command, show, spread, table
from loadtests.benchmarks.server_process import ServerFailed


def test_figures_are_shown_with_their_range() -> None:
    assert spread([3.0, 1.0, 8.0]) == {"median": 3.0, "min": 1.0, "max": 8.0}
    assert show(spread([3.0, 1.0, 8.0]), 1) == "3.0 (1.0 - 8.0)"


def test_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    table(("model", "ms"), ("a long name", "1"), ("b", "1000"))
    assert capsys.readouterr().out == "  model          ms\n  a long name     1\n  b            1000\n"


def test_the_last_line_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    last_line({"failed": 0})
    assert capsys.readouterr().out == '{"failed": 0}\n'


def test_what_keeps_a_benchmark_from_measuring_is_said_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> None:
        raise ServerFailed("no server")

    monkeypatch.setattr("sys.argv", ["benchmark"])
    with pytest.raises(SystemExit, match="nothing was measured: no server"):
        run_command(main)
