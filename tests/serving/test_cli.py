from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving import __version__
from serving.cli import app
from tests.option_table import named_options


def test_the_commands_are_these() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for command in ("train", "export", "serve", "config", "models", "predict", "tune"):
        assert f"\n│ {command} " in result.stdout


def test_the_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"slipway {__version__}\n"


def test_no_command_shows_the_help() -> None:
    assert "Usage: slipway" in CliRunner().invoke(app, []).output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(app, ["sreve"])
    assert result.exit_code == 2
    assert "No such command 'sreve'" in result.output


@pytest.mark.parametrize("rate", ["0", "-1", "1.5", "nan"])
def test_a_share_of_requests_that_is_none_is_refused(rate: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", str(tmp_path), "--record-rate", rate], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"--record-rate must be above 0 and at most 1, the share of all requests; got {rate}" in result.output


_READABLE = 23  # characters; enough to tell the one option that is longer


def test_an_option_of_serve_is_readable_in_a_narrow_terminal_and_its_variable_is_told_by_rule() -> None:
    told = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "80"}).stdout
    assert "variable, SLIPWAY_HTTP_PORT for --http-port" in " ".join(told.split())
    for option in named_options():
        assert f"│ {option.opts[0][:_READABLE]}" in told
