from pathlib import Path

from typer.testing import CliRunner

from loadtests.command import loadtest
from loadtests.result_file import read
from tests.running_server import RunningServer


def test_a_scenario_is_played_and_its_result_kept(tiny_server: RunningServer, tmp_path: Path) -> None:
    words = ["scenario", "smoke", tiny_server.url, "--model", "double", "--seconds", "1", "--warm-up", "0"]
    words += ["--metrics-url", f"http://127.0.0.1:{tiny_server.metrics_port}/metrics"]
    done = CliRunner().invoke(loadtest, [*words, "--json", str(tmp_path / "result.json")])
    assert done.exit_code == 0, done.output
    assert "passed  failed: 0 of " in done.stdout
    assert "passed  idle: " in done.stdout
    assert [each["verdict"] for each in read(tmp_path / "result.json").decision["checks"]] == ["passed"] * 3


def test_there_is_a_list() -> None:
    done = CliRunner().invoke(loadtest, ["scenario", "--list"])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in ("smoke", "knee", "soak", "spike", "reload", "mixed", "disconnects"))


def test_what_can_not_be_played_is_told(tiny_server: RunningServer) -> None:
    for words, told in ((["spik", tiny_server.url], "did you mean spike?"), (["spike"], "where the server is")):
        done = CliRunner().invoke(loadtest, ["scenario", *words])
        assert done.exit_code == 2
        assert told in " ".join(done.stderr.split())
