import sys

import pytest
from typer.testing import CliRunner

from loadtests.command import loadtest
from serving import __version__


def test_an_address_needs_no_name_of_a_command() -> None:
    for words in (["http://127.0.0.1:9"], ["load", "http://127.0.0.1:9"]):
        done = CliRunner().invoke(loadtest, words)
        assert done.exit_code == 2
        assert "no server answers" in done.stderr


def test_it_says_its_version() -> None:
    assert CliRunner().invoke(loadtest, ["--version"]).stdout == f"slipway {__version__}\n"


def test_what_is_not_installed_is_told_with_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own way of saying that there is no such package."""
    monkeypatch.setitem(sys.modules, "hdrh", None)
    done = CliRunner().invoke(loadtest, ["http://127.0.0.1:9"])
    assert done.exit_code == 2
    assert "pip install 'slipway-serving[loadtest]'" in done.stderr


def test_help_names_what_there_is() -> None:
    done = CliRunner().invoke(loadtest, ["--help"])
    assert done.exit_code == 0
    assert "slipway loadtest load --help" in done.stdout
    assert "URL [OPTIONS] | COMMAND [ARGS]..." in done.stdout
