from typer.testing import CliRunner

from serving import __version__
from serving.cli import app


def test_the_commands_are_these() -> None:
    result = CliRunner().invoke(app, ["--help"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    for command in ("train", "export", "serve", "models", "predict", "tune"):
        assert f"\n│ {command} " in result.stdout


def test_the_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"slipway {__version__}\n"


def test_no_command_shows_the_help() -> None:
    assert "Usage: slipway" in CliRunner().invoke(app, []).output


def test_an_unknown_command_is_refused() -> None:
    result = CliRunner().invoke(app, ["sreve"])
    assert result.exit_code == 2
    assert "No such command 'sreve'" in result.output
