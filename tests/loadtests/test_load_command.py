from pathlib import Path

from typer.testing import CliRunner

from loadtests.command import loadtest
from loadtests.result_file import read
from tests.running_server import RunningServer


def test_a_server_is_loaded_and_the_result_kept(tiny_server: RunningServer, tmp_path: Path) -> None:
    words = [tiny_server.url, "--model", "double", "--rate", "50", "--seconds", "1", "--warm-up", "0"]
    done = CliRunner().invoke(loadtest, [*words, "--json", str(tmp_path / "result.json")])
    [result] = read(tmp_path / "result.json").runs
    assert result.fates == {"answered": result.requests}
    assert result.model == "double"
    assert done.exit_code == (1 if result.invalid else 0)
    assert "answered/s" in done.stdout


def test_a_model_that_is_not_there_is_told(tiny_server: RunningServer) -> None:
    done = CliRunner().invoke(loadtest, [tiny_server.url, "--model", "nope"])
    assert done.exit_code == 2
    assert "nope" in done.stderr
