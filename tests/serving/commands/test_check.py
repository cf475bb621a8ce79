"""`slipway models check`, within the tests' own process."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving.cli import app
from tests import tiny_models


def check(root: Path, *arguments: str, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["models", "check", *arguments, "--model-repository", str(root)])
    assert result.exit_code == status, result.output
    return result.output


def test_what_a_server_would_serve_is_ok(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_torchscript(tmp_path)
    assert check(tmp_path, "double") == "double version 1: OK\n"
    assert check(tmp_path) == "affine version 1: OK\ndouble version 1: OK\n"


@pytest.mark.parametrize(
    ("extra", "reason"),
    [
        (
            'parameters { key: "rollout.percent" value { string_value: "9" } }',
            "double: parameters.rollout.strategy must",
        ),
        (
            'parameters { key: "intra_op_thread_count" value { string_value: "x" } }',
            "double version 1: parameters.intra_op",
        ),
        ("version_policy { specific { versions: 7 } }", "double: at least one version must be available"),
        ('default_model_filename: "no.onnx"', "double version 1: version 1 has no file 'no.onnx'"),
        (
            """model_warmup { name: "w" inputs { key: "x" value { data_type: TYPE_FP32 dims: 4
            input_data_file: "no" } } }""",
            "double version 1: warmup sample 'w', input 'x': there is no file 'no'",
        ),
    ],
)
def test_what_it_would_not_is_told_with_its_reason_and_fails(tmp_path: Path, extra: str, reason: str) -> None:
    tiny_models.add_double(tmp_path, extra=extra)
    told = check(tmp_path, "double", status=1)
    assert reason in told
    assert "would not be served" in told


def test_a_model_without_a_manifest_fails_where_one_is_required(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    assert "double version 1: version 1 has no manifest.json" in check(tmp_path, "--require-manifest", status=1)


def test_programs_fail_where_a_server_would_run_none(tmp_path: Path) -> None:
    tiny_models.add_torchscript(tmp_path)
    told = check(tmp_path, "--model-code", "never", status=1)
    assert "affine: 'model.pt' is a TorchScript program, which this server never runs" in told


def test_an_ensemble_is_loaded_with_its_models(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (tmp_path / "twice").mkdir()
    (tmp_path / "twice" / "config.pbtxt").write_text(
        """platform: "ensemble" max_batch_size: 8
        input { name: "a" data_type: TYPE_FP32 dims: 4 } output { name: "b" data_type: TYPE_FP32 dims: 4 }
        ensemble_scheduling { step { model_name: "double" model_version: -1
        input_map { key: "x" value: "a" } output_map { key: "y" value: "b" } } }"""
    )
    assert check(tmp_path, "twice") == "double version 1: OK\ntwice version 1: OK\n"


def test_a_name_or_a_folder_that_there_is_not_is_said(tmp_path: Path) -> None:
    assert f"there is no model in {tmp_path}" in check(tmp_path, status=1)
    tiny_models.add_double(tmp_path)
    assert "did you mean double?" in check(tmp_path, "duoble", status=1)
    assert f"there is no folder {tmp_path}/no" in check(tmp_path / "no", status=1)
