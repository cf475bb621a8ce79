from pathlib import Path

import click
import pytest
from typer.main import get_command
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


@pytest.mark.parametrize("rate", ["0", "-1", "1.5", "nan"])
def test_a_share_of_requests_that_is_none_is_refused(rate: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["serve", str(tmp_path), "--record-rate", rate], env={"COLUMNS": "200"})
    assert result.exit_code == 2
    assert f"--record-rate must be above 0 and at most 1, the share of all requests; got {rate}" in result.output


@pytest.mark.parametrize(
    ("options", "variables", "expected"),
    [
        ([], {}, True),
        (["--record-bodies"], {"SLIPWAY_RECORD_BODIES": "false"}, True),
        (["--no-record-bodies"], {}, False),
        ([], {"SLIPWAY_RECORD_BODIES": "false"}, False),
        ([], {"SLIPWAY_RECORD_BODIES": "1"}, True),
    ],
)
def test_bodies_are_recorded_unless_they_are_not_to_be(
    options: list[str], variables: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    context = click.Context(get_command(app))
    serve = get_command(app).get_command(context, "serve")  # type: ignore[attr-defined]
    assert serve.make_context("serve", options).params["record_bodies"] is expected


_READABLE = 23  # characters; enough to tell the one option that is longer


def test_an_option_of_serve_is_readable_in_a_narrow_terminal_and_its_variable_is_told_by_rule() -> None:
    context = click.Context(get_command(app))
    serve = get_command(app).get_command(context, "serve")  # type: ignore[attr-defined]
    told = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "80"}).stdout
    assert "SLIPWAY_HTTP_PORT for" in told
    for option in (each for each in serve.params if each.param_type_name == "option"):
        assert f"│ {option.opts[0][:_READABLE]}" in told
        assert option.envvar in (None, option.opts[0].replace("--", "SLIPWAY_").replace("-", "_").upper())
