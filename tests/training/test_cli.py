import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.training.test_files import files_no_larger_than
from training.checkpoint import Checkpoint, load, save
from training.cli import app

ROOT = Path(__file__).parents[2]


def _run(*arguments: str, cwd: Path, first_on_path: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": f"{first_on_path}:{ROOT}", "COLUMNS": "100"}
    command = [sys.executable, "-m", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def _invoke(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


def test_help_teaches_by_example(tmp_path: Path) -> None:
    result = _run("training", "train", "--help", cwd=tmp_path)

    assert result.returncode == 0
    assert "slipway train digits-cnn" in result.stdout
    assert "train" in _run("training", "--help", cwd=tmp_path).stdout


def test_the_module_imports_no_torch(tmp_path: Path) -> None:
    program = "import sys, training.cli; sys.exit({'torch', 'sklearn', 'onnx'} & set(sys.modules) != set())"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    assert subprocess.run([sys.executable, "-c", program], env=environment, check=False).returncode == 0


def test_training_ends_with_a_published_model_and_what_to_type_next(tmp_path: Path) -> None:
    result = _run("training", "train", "breast-cancer-mlp", "--epochs", "3", "--seed", "7", cwd=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")
    assert "step 33/33: loss" in result.stdout
    assert "malignant" in result.stdout
    assert "checkpoint  checkpoints/breast-cancer-mlp\n" in result.stdout
    assert "published   model_repository/breast-cancer-mlp/1\n" in result.stdout
    assert result.stdout.endswith("next        slipway serve\n")
    assert load(tmp_path / "checkpoints" / "breast-cancer-mlp").config.seed == 7
    version = tmp_path / "model_repository" / "breast-cancer-mlp" / "1"
    assert (version / "model.onnx").is_file()
    assert "report      runs/breast-cancer-mlp/1/report.html\n" in result.stdout
    for name in ("report.html", "model_card.md"):
        assert (version / name).read_bytes() == (tmp_path / "runs" / "breast-cancer-mlp" / "1" / name).read_bytes()
        assert name in json.loads((version / "manifest.json").read_text())["files"]


def test_a_recipes_own_file_trains_it(tmp_path: Path) -> None:
    result = _run("training.recipes.digits_cnn", "--epochs", "1", "--no-publish", cwd=tmp_path)

    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.endswith("next        slipway export checkpoints/digits-cnn\n")
    assert not (tmp_path / "model_repository").exists()


def test_an_unknown_recipe_is_one_line_and_status_2(tmp_path: Path) -> None:
    result = _run("training", "train", "digit-cnn", cwd=tmp_path)

    assert result.returncode == 2
    assert result.stderr == "error: there is no recipe 'digit-cnn'; did you mean digits-cnn?\n"


def test_without_torch_the_extra_to_install_is_named(tmp_path: Path) -> None:
    absent = tmp_path / "absent" / "torch"
    absent.mkdir(parents=True)
    (absent / "__init__.py").write_text("raise ModuleNotFoundError('No module named torch', name='torch')")

    result = _run("training", "train", "digits-cnn", cwd=tmp_path, first_on_path=absent.parent)

    assert result.returncode == 1
    assert result.stderr.startswith("error: the package 'torch' is not installed")
    assert 'pip install "slipway-serving[cpu,train]"\n' in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train"], "give --missing or the name of one recipe: digits-cnn, digits-resnet"),
        (["train", "digits-cnn", "--missing"], "give --missing or the name of one recipe"),
        (["train", "digits-cnn", "--size", "small"], "digits-cnn has no parameter 'size'"),
        (["train", "digits-cnn", "--steps", "9", "--epochs", "2"], "epochs (2) and steps (9) exclude one another"),
        (["train", "gpt-docs", "--size", "huge"], "size must be one of small, medium, got 'huge'"),
        (["train", "digits-cnn", "--weights", "int8"], "digits-cnn has no parameter 'weights'"),
        (["train", "gpt-docs", "--weights", "int4"], "--weights must be float32 or int8, got 'int4'"),
        (["train", "digits-cnn", "--epochs", "0"], "epochs or steps must be at least 1, got 0"),
        (["train", "digits-cnn", "--learning-rate", "-1"], "learning_rate must be above 0"),
    ],
)
def test_bad_values_are_one_line_and_status_2(arguments: list[str], message: str) -> None:
    status, _, stderr = _invoke(*arguments)

    assert status == 2
    assert stderr.startswith(f"error: {message}")
    assert stderr.count("\n") == 1


def test_a_missing_checkpoint_is_one_line_and_status_1(tmp_path: Path) -> None:
    status, _, stderr = _invoke("export", str(tmp_path / "nothing"))

    assert status == 1
    assert stderr == f"error: there is no {tmp_path}/nothing/checkpoint.json; make it with `slipway train RECIPE`\n"


def test_a_repository_that_cannot_be_written_is_one_line_and_status_1(cancer: Checkpoint, tmp_path: Path) -> None:
    save(cancer, tmp_path / "checkpoint")
    (tmp_path / "file").write_text("not a folder")
    status, _, stderr = _invoke("export", str(tmp_path / "checkpoint"), "--repository", str(tmp_path / "file"))

    assert status == 1
    assert stderr.startswith("error: ")
    assert stderr.count("\n") == 1


def no_room(place: Path) -> str:
    return f"error: there is no room for {place} (File too large); when there is, the same command goes on\n"


def test_a_full_disk_is_one_line_and_no_part_of_a_checkpoint(tmp_path: Path) -> None:
    places = ["--checkpoints", str(tmp_path / "checkpoints"), "--runs", str(tmp_path / "runs")]
    with files_no_larger_than(11_000):
        status, _, stderr = _invoke("train", "breast-cancer-mlp", "--epochs", "3", "--no-publish", *places)

    where = tmp_path / "checkpoints" / "breast-cancer-mlp"
    assert (status, stderr) == (1, no_room(where / "weights.safetensors"))
    assert not list(where.iterdir())


@pytest.mark.parametrize("room", [1000, 25_000])  # the ONNX file does not fit, or TorchScript's only
def test_a_full_disk_is_one_line_and_no_version(room: int, cancer: Checkpoint, tmp_path: Path) -> None:
    save(cancer, tmp_path / "checkpoint")
    with files_no_larger_than(room):
        status, _, stderr = _invoke("export", str(tmp_path / "checkpoint"), "--repository", str(tmp_path / "models"))

    assert (status, stderr) == (1, no_room(tmp_path / "models" / "breast-cancer-mlp"))
    assert not list((tmp_path / "models").iterdir())


def test_a_checkpoint_is_exported_by_its_folder(cancer: Checkpoint, tmp_path: Path) -> None:
    save(cancer, tmp_path / "checkpoint")
    status, stdout, _ = _invoke("export", str(tmp_path / "checkpoint"), "--repository", str(tmp_path / "models"))

    assert status == 0
    assert f"published   {tmp_path}/models/breast-cancer-mlp/1\n" in stdout
    assert stdout.endswith(f"next        slipway serve {tmp_path}/models\n"), "the repository that it went to"


def test_a_checkpoint_is_exported_by_its_recipes_name(
    cancer: Checkpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save(cancer, Path("checkpoints") / "breast-cancer-mlp")

    assert _invoke("export", "breast-cancer-mlp")[0] == 0
    assert (tmp_path / "model_repository" / "breast-cancer-mlp" / "1").is_dir()


def test_a_model_may_have_another_name_than_its_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _invoke("train", "breast-cancer-mlp", "--epochs", "1", "--name", "tumours", "--no-publish")
    status, output, _ = _invoke("export", "tumours", "--candidates", "fp16", "--max-loss", "1", "--min-speedup", "0.01")

    assert status == 0
    assert "│ fp16" in output
    assert "the float32 files answer as PyTorch does; fp16, which is served, as its score above tells\n" in output
    assert "published   model_repository/tumours/1\n" in output
    assert 'name: "tumours"' in (tmp_path / "model_repository" / "tumours" / "config.pbtxt").read_text()
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["tumours"]


def test_missing_trains_only_the_models_without_a_version(tmp_path: Path) -> None:
    repository = tmp_path / "models"
    (repository / "digits-cnn" / "1").mkdir(parents=True)
    (repository / "breast-cancer-mlp").mkdir()
    options = ["--epochs", "1", "--checkpoints", str(tmp_path), "--repository", str(repository)]

    status, told, _ = _invoke("train", "--missing", *options)
    assert (status, told.splitlines()[0]) == (
        0,
        f"to train    breast-cancer-mlp: what {repository} lacks, one after the other",
    )
    assert (repository / "breast-cancer-mlp" / "1").is_dir()
    assert not (repository / "digits-cnn" / "2").exists()
    assert _invoke("train", "--missing", *options)[:2] == (
        0,
        f"nothing to train: every model in {repository} has a version\n",
    )
