import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from training.cli import app

TOML = """
[train]
epochs = 2
[search]
learning_rate = { low = 1e-3, high = 1e-1, log = true }
model.hidden = [8, 16]
"""


def invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_a_search_ends_with_the_command_that_trains_the_best(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("some.toml").write_text(TOML)
    command = ("search", "breast-cancer-mlp", "--config", "some.toml", "--set", "seed=7", "--trials")
    status, stdout, stderr = invoke(*command, "2")

    assert (status, stderr) == (0, "")
    assert "trial 0: accuracy " in stdout
    assert "picture     runs/breast-cancer-mlp/search/1/search.png\n" in stdout
    next_command = "slipway train breast-cancer-mlp --config runs/breast-cancer-mlp/search/1/best.toml"
    assert stdout.endswith(f"next        {next_command}\n")
    status, again, _ = invoke(*command, "3")
    assert "going on    runs/breast-cancer-mlp/search/1, ended so far: 2; --fresh begins anew\n" in again
    assert again.count("\ntrial 2: ") == 1
    assert "\ntrial 1: " not in again
    assert invoke(*next_command.split()[1:], "--no-publish")[0] == 0
    metrics = json.loads(Path("runs/breast-cancer-mlp/1/run.json").read_text())["metrics"]
    assert f"accuracy {metrics['validation_accuracy']:.4f} on validation rows\n" in again, (
        "the trial's, to the last bit"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pruner", "some"], "--pruner must be one of median, halving, hyperband, none, got 'some'"),
        (["--set", "epoch=3"], "breast-cancer-mlp has no parameter 'epoch'; did you mean epochs?"),
        (["--device", "tpu"], "--device must be cpu or cuda, got 'tpu'"),
    ],
)
def test_bad_values_are_one_line_and_status_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    status, _, stderr = invoke("search", "breast-cancer-mlp", "--runs", str(tmp_path), *arguments)

    assert (status, stderr) == (2, f"error: {message}\n")
    assert not list(tmp_path.iterdir()), "no search was begun"


def test_where_no_trial_comes_to_its_end_it_says_why(tmp_path: Path) -> None:
    (tmp_path / "some.toml").write_text("[search]\nmodel.heads = [3, 5]\n")
    options = ["--config", str(tmp_path / "some.toml"), "--trials", "2", "--runs", str(tmp_path)]
    status, _, stderr = invoke("search", "digits-vit", *options)

    assert status == 1
    assert stderr.startswith("error: no trial came to its end; the last one: no network can be made with")
    assert stderr.count("\n") == 1


def test_one_under_torchrun_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")

    assert invoke("search", "digits-cnn")[0] == 2


def test_a_search_on_data_of_ones_own_ends_with_a_command_that_has_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = (f"{number},{number % 7},{'ill' if number % 2 else 'well'}" for number in range(80))
    Path("visits.csv").write_text("\n".join(["age,days,state", *rows]))
    options = ["--data", "visits.csv", "--name", "visits", "--set", "data.target=state", "--set", "epochs=1"]
    status, stdout, stderr = invoke("search", "breast-cancer-mlp", *options, "--trials", "1")

    assert (status, stderr) == (0, "")
    best = "--config runs/visits/search/1/best.toml"
    assert stdout.endswith(f"next        slipway train breast-cancer-mlp --data visits.csv --name visits {best}\n")
    assert '[data]\ntarget = "state"\n' in Path("runs/visits/search/1/best.toml").read_text()
