from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.tiny_hugging_face import write_decoder
from training.cli import app


def run(*arguments: str | Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["import", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["hf", "--help"]])
def test_help_teaches_by_example(arguments: list[str]) -> None:
    status, said, _ = run(*arguments)

    assert status == 0
    assert "slipway import hf ~/models/Qwen2.5-0.5B-Instruct" in said


def test_a_folder_becomes_a_version_and_then_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_decoder(tmp_path / "tiny-llama")
    monkeypatch.chdir(tmp_path)

    assert run("hf", "tiny-llama") == (
        0,
        "read        LlamaForCausalLM, 140,096 weights\n"
        "parity      the exported file answers as PyTorch does\n"
        "published   model_repository/tiny-llama/1\n"
        "next        slipway serve\n",
        "",
    )
    status, said, _ = run("hf", tmp_path / "tiny-llama", "--repository", "my models", "--name", "w")
    assert status == 0
    assert said.endswith("published   my models/w/1\nnext        slipway serve 'my models'\n")
    assert "published   my models/w/2\n" in run("hf", "tiny-llama", "--repository", "my models", "--name", "w")[1]


def test_rounding_is_asked_for_and_told_of(tmp_path: Path) -> None:
    write_decoder(tmp_path / "tiny-llama")

    status, said, _ = run("hf", tmp_path / "tiny-llama", "--repository", tmp_path / "models", "--weights", "int8")

    assert status == 0
    assert (
        "parity      the exported file answers as PyTorch does, but for the rounding that manifest.json tells" in said
    )


@pytest.mark.parametrize(
    ("arguments", "status", "reason"),
    [
        (["nowhere"], 1, "'nowhere' is no folder; give the one that holds config.json and the weights"),
        (["nowhere", "--backend", "tensorrt"], 2, "--backend must be onnxruntime or pytorch, got 'tensorrt'"),
        (["nowhere", "--weights", "int4"], 2, "--weights must be float32 or int8, got 'int4'"),
        (
            ["nowhere", "--weights", "int8", "--backend", "pytorch"],
            2,
            "--weights int8 is for --backend onnxruntime, got pytorch",
        ),
        (["nowhere", "--name", "../x"], 2, "--name '../x' has more than letters"),
        (["nowhere", "--name", 'a"b'], 2, "--name 'a\"b' has more than letters"),
        (["no where"], 2, "the folder's name, 'no where', can't be a model's; give it one with --name"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], status: int, reason: str) -> None:
    found, said, error = run("hf", *arguments)

    assert (found, said, error.count("\n")) == (status, "", 1)
    assert error.startswith(f"error: {reason}")
