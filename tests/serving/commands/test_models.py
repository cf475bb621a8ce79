"""`slipway models` and `slipway models config`, within the tests' own process."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli import app
from tests.running_server import RunningServer

NOWHERE = "http://127.0.0.1:9"


def models(*arguments: str, status: int = 0) -> str:
    """What it prints, on either stream, each run of white space as one."""
    result = CliRunner().invoke(app, ["models", *arguments], env={"COLUMNS": "400"})
    assert result.exit_code == status, result.output
    return " ".join(result.output.split())


def test_a_list_says_what_it_looked_at(tiny_repository: Path, tiny_server: RunningServer) -> None:
    told = models(str(tiny_repository), "--url", tiny_server.url)
    assert "double │ 1 │ yes │ READY" in told
    assert f"Published is what lies in {tiny_repository}; loaded is what the server at {tiny_server.url} says." in told


def test_a_server_may_have_what_is_not_published_here(tmp_path: Path, tiny_server: RunningServer) -> None:
    told = models(str(tmp_path), "--url", tiny_server.url)
    assert "double │ 1 │ no │ READY" in told
    assert "Nothing is published there; `slipway train digits-cnn` makes a model." in told


def test_without_a_server_the_list_says_why_it_knows_of_none(tiny_repository: Path) -> None:
    told = models(str(tiny_repository), "--url", NOWHERE)
    assert "double │ 1 │ yes │ ?" in told
    assert f"of what is loaded nothing is known: no server answers at {NOWHERE}/v2/repository/index (conn" in told
    assert "is `slipway serve` running?" in told


def test_an_address_that_is_none_and_a_folder_that_is_none_are_said(tmp_path: Path) -> None:
    told = models(str(tmp_path / "no"), "--url", "localhost:8000")
    assert "it should start with http://" in told
    assert f"There is no folder {tmp_path}/no; name the repository: slipway models FOLDER" in told


def test_a_config_is_completed_from_the_disk_or_a_server(tiny_repository: Path, tiny_server: RunningServer) -> None:
    on_disk = models("config", "double", "--model-repository", str(tiny_repository))
    assert 'default_model_filename: "model.onnx"' in on_disk
    assert models("config", "double", "--url", tiny_server.url) == on_disk


@pytest.mark.parametrize(("name", "has"), [("duoble", "did you mean double?"), ("zzz", "it has affine, brightness,")])
def test_a_config_of_a_model_that_there_is_not_says_where_it_looked_and_where_else_it_can(
    tiny_repository: Path, name: str, has: str
) -> None:
    told = models("config", name, "--model-repository", str(tiny_repository), status=1)
    assert f"there is no model '{name}' in {tiny_repository}; {has}" in told
    assert "another repository is named by --model-repository, a running server by --url" in told


def test_a_config_from_a_folder_or_a_server_that_there_is_not_is_refused_in_words(
    tmp_path: Path, tiny_server: RunningServer
) -> None:
    no = tmp_path / "no"
    assert f"there is no folder {no}; another" in models("config", "m", "--model-repository", str(no), status=1)
    assert f"no model 'm' in {tmp_path}; it has none" in models(
        "config", "m", "--model-repository", str(tmp_path), status=1
    )
    assert "is `slipway serve` running?" in models("config", "m", "--url", NOWHERE, status=1)
    assert "unknown model: 'm'" in models("config", "m", "--url", tiny_server.url, status=1)
