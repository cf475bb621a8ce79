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


@pytest.mark.parametrize(("switch", "name"), [("record-bodies", "record_bodies"), ("web-page", "web_page")])
@pytest.mark.parametrize(
    ("prefix", "variable", "expected"),
    [(None, None, True), ("--", "false", True), ("--no-", None, False), (None, "false", False), (None, "1", True)],
)
def test_what_is_on_can_be_switched_off(
    switch: str, name: str, prefix: str | None, variable: str | None, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable is not None:
        monkeypatch.setenv(f"SLIPWAY_{name.upper()}", variable)
    context = click.Context(get_command(app))
    serve = get_command(app).get_command(context, "serve")  # type: ignore[attr-defined]
    options = [] if prefix is None else [prefix + switch]
    assert serve.make_context("serve", options).params[name] is expected


_READABLE = 23  # characters; enough to tell the one option that is longer


def test_an_option_of_serve_is_readable_in_a_narrow_terminal_and_its_variable_is_told_by_rule() -> None:
    context = click.Context(get_command(app))
    serve = get_command(app).get_command(context, "serve")  # type: ignore[attr-defined]
    told = CliRunner().invoke(app, ["serve", "--help"], env={"COLUMNS": "80"}).stdout
    assert "SLIPWAY_HTTP_PORT for" in told
    for option in (each for each in serve.params if each.param_type_name == "option"):
        assert f"│ {option.opts[0][:_READABLE]}" in told
        assert option.envvar in (None, option.opts[0].replace("--", "SLIPWAY_").replace("-", "_").upper())
