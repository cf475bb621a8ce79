"""`slipway models` and `slipway models config`, within the tests' own process."""

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli import app
from tests import tiny_models
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
    assert f"No model is published there; `slipway train digits-cnn --repository {tmp_path}` makes one." in told


def test_without_a_server_the_list_says_why_it_knows_of_none(tiny_repository: Path) -> None:
    told = models(str(tiny_repository), "--url", NOWHERE)
    assert "double │ 1 │ yes │ ?" in told
    assert f"of what is loaded nothing is known: no server answers at {NOWHERE}/v2/repository/index (conn" in told
    assert f"is `slipway serve {tiny_repository}` running?" in told


def test_of_a_folder_that_is_not_there_nobody_knows_what_is_published(
    tmp_path: Path, tiny_repository: Path, tiny_server: RunningServer
) -> None:
    missing = str(tmp_path / "no")
    assert "double │ 1 │ ? │ READY" in models(missing, "--url", tiny_server.url)
    assert "double │ 1 │ yes │ READY" in models(missing, str(tiny_repository), "--url", tiny_server.url)


def test_a_model_s_own_folder_is_told_from_a_repository(tiny_repository: Path) -> None:
    told = models(str(tiny_repository / "double"), "--url", NOWHERE)
    assert "it is the folder of one model, since it has a config.pbtxt; a repository is" in told
    assert f"slipway models {tiny_repository}." in told


def test_an_address_that_is_none_and_a_folder_that_is_none_are_said(tmp_path: Path) -> None:
    told = models(str(tmp_path / "no"), "--url", "localhost:8000", status=1)
    assert "it should start with http://" in told
    assert f"There is no folder {tmp_path}/no; name the repository: slipway models FOLDER" in told


@pytest.mark.parametrize(("word", "hint"), [("conf", "did you mean config?"), ("flowers", "known are list, config")])
def test_a_word_that_is_no_command_and_no_folder_is_told_so(word: str, hint: str) -> None:
    told = models(word, status=1)
    assert f"slipway models: '{word}' is neither a folder here nor a command; {hint}" in told


def test_an_ensemble_without_a_versions_folder_is_published(tmp_path: Path) -> None:
    (tmp_path / "pair").mkdir()
    (tmp_path / "pair" / "config.pbtxt").write_text('platform: "ensemble"')
    (tmp_path / "coming").mkdir()
    told = models(str(tmp_path), "--url", NOWHERE)
    assert "pair │ 1 │ yes │ ?" in told
    assert "coming" not in told


def test_what_a_server_has_is_listed_also_where_a_repository_can_not_be_read(tiny_server: RunningServer) -> None:
    told = models("http://127.0.0.1:9/models/", "--url", tiny_server.url, status=1)
    assert "double │ 1 │ ? │ READY" in told
    assert "slipway models: " in told


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


def test_a_versions_own_labels_are_counted(tmp_path: Path) -> None:
    tiny_models.add_brightness(tmp_path)
    folder = tmp_path / "brightness"
    shutil.copytree(folder / "1", folder / "2")
    (folder / "labels.txt").write_text("dark\n")
    (folder / "2" / "labels.txt").write_text("dark\nbright\n")
    asked = ["models", "config", "brightness", "--model-repository", str(tmp_path)]
    assert CliRunner().invoke(app, asked).stderr == ""
    shutil.rmtree(folder / "2")
    assert CliRunner().invoke(app, asked).stderr == (
        "brightness version 1: output 'scores' has 2 classes and labels.txt 1\n"
    )


def test_a_config_that_a_server_refuses_is_refused_and_what_has_no_effect_is_named(tmp_path: Path) -> None:
    parameter = 'parameters {{ key: "{}" value {{ string_value: "9" }} }}'
    tiny_models.add_double(tmp_path, extra=parameter.format("rollout.percent"))
    tiny_models.add_double(tmp_path, "thread", extra=parameter.format("intra_op_thread_cout"))
    refused = CliRunner().invoke(app, ["models", "config", "double", "--model-repository", str(tmp_path)])
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "parameters.rollout.strategy must be set" in refused.stderr
    warned = CliRunner().invoke(app, ["models", "config", "thread", "--model-repository", str(tmp_path)])
    assert warned.exit_code == 0
    assert "thread: config.pbtxt sets 'parameters.intra_op_thread_cout', which has no effect here" in warned.stderr
    assert "has no effect" not in warned.stdout
