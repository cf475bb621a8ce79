from pathlib import Path

import pytest

from serving.doctor.finding import Finding, Grade
from serving.doctor.models import examine
from serving.settings import Settings
from tests import tiny_models
from tests.doctor_findings import grades, troubles


def add_pair(root: Path, name: str, step: str, key: str = "x", version: int = -1) -> None:
    """An ensemble of that step alone, whose input is `key`."""
    tiny_models.write_config(
        root,
        name,
        f"""platform: "ensemble" max_batch_size: 8
        input {{ name: "x" data_type: TYPE_FP32 dims: 4 }} output {{ name: "y" data_type: TYPE_FP32 dims: 4 }}
        ensemble_scheduling {{ step {{ model_name: "{step}" model_version: {version}
        input_map {{ key: "{key}" value: "x" }} output_map {{ key: "y" value: "y" }} }} }}""",
    )


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finding]:
    """By model, what was found of a repository with one that is well."""
    root = tmp_path_factory.mktemp("broken")
    for name in ("well", "gone", "pointer", "unknown", "empty", "partly"):
        tiny_models.add_double(root, name)
    (root / "empty" / "1" / "model.onnx").write_bytes(b"")
    (root / "partly" / "1" / "manifest.json").write_text(f'{{"files": {{"weights": {{"sha256": "{"0" * 64}"}}}}}}')
    (root / "gone" / "1" / "model.onnx").unlink()
    (root / "pointer" / "1" / "model.onnx").write_text("version https://git-lfs.github.com/spec/v1\n")
    tiny_models.add_double(root, "none-chosen", extra="version_policy { specific { versions: 7 } }")
    tiny_models.write_config(root, "garbled", "max_batch_size: many")
    (root / "unknown" / "config.pbtxt").write_text('backend: "tensorrt"')
    tiny_models.add_double(root, "typo", extra='parameters { key: "intra_op_thread_cout" value { string_value: "9" } }')
    tiny_models.add_double(root, "accelerated", extra="instance_group { kind: KIND_GPU gpus: 99 }")
    add_pair(root, "pair", "nobody")
    add_pair(root, "misfit", "well", key="z")
    add_pair(root, "later", "well", version=7)
    add_pair(root, "above", "gone")
    add_pair(root, "circle", "circle")
    found = examine(Settings(root))
    assert troubles(found) == found[:-1]
    assert found[-1].says == "well: configs and files are as they should be"
    return {each.what.removeprefix("model "): each for each in found}


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("gone", "version 1 has no file 'model.onnx'"),
        ("pointer", "is a Git LFS pointer, not the model itself; run `git lfs pull`"),
        ("garbled", "config.pbtxt, line:column 1:17"),
        ("unknown", "unexpected backend 'tensorrt'"),
        ("none-chosen", "version"),
        ("empty", "'model.onnx' is empty"),
        ("partly", "'weights', which manifest.json lists, is not there"),
        ("accelerated", "GPUs are"),
        ("pair", "a step asks the model 'nobody', which no repository has"),
        ("misfit", "ensemble tensor x is mapping to non-existing input z in model well"),
        ("later", "a step asks for version 7 of the model 'well', which is not served"),
        ("above", "a step asks the model 'gone', which would not be served"),
        ("circle", "circular dependency between ensembles: circle -> circle"),
    ],
)
def test_a_model_that_would_not_be_served_is_a_problem(broken: dict[str, Finding], name: str, says: str) -> None:
    assert broken[name].grade is Grade.PROBLEM
    assert says in broken[name].says
    assert f"slipway models check {name} --model-repository" in broken[name].fix


def test_what_a_config_asks_for_in_vain_is_a_warning(broken: dict[str, Finding]) -> None:
    assert broken["typo"].grade is Grade.WARNING
    assert broken["typo"].says.startswith("config.pbtxt sets 'parameters.intra_op_thread_cout', which has no effect")


def test_a_repository_that_is_none_is_a_problem(tmp_path: Path) -> None:
    (missing,) = examine(Settings(tmp_path / "no"))
    assert (missing.grade, missing.fix) == (Grade.PROBLEM, "name another: slipway serve FOLDER")
    tiny_models.add_double(tmp_path)
    (inside,) = examine(Settings(tmp_path / "double"))
    assert f"slipway serve {tmp_path}" in inside.fix


def test_an_empty_one_says_how_a_model_comes_into_it(tmp_path: Path) -> None:
    (empty,) = examine(Settings(tmp_path))
    assert empty.grade is Grade.WARNING
    assert "slipway train digits-cnn" in empty.fix


def test_a_model_that_is_to_be_loaded_and_is_not_there_is_a_problem(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (absent,) = troubles(examine(Settings(tmp_path, load_model=("double", "*", "doubel"))))
    assert (absent.grade, absent.fix) == (Grade.PROBLEM, "--load-model names one of double")


def test_a_repository_into_which_everybody_may_put_code_is_told(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tmp_path.chmod(0o777)
    (everybodys,) = troubles(examine(Settings(tmp_path)))
    assert everybodys.fix == f"chmod o-w {tmp_path}"


def test_a_manifest_is_missed_only_where_it_is_required(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    assert grades(examine(Settings(tmp_path))) == {"models": Grade.OK}
    (missed,) = examine(Settings(tmp_path, require_manifest=True))
    assert f"slipway models manifest {tmp_path}/double/1" in missed.says


def test_a_file_that_is_one_model_is_looked_at_under_its_name(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    (one,) = examine(Settings(tmp_path / "double" / "1" / "model.onnx", model_name="best"))
    assert one.says.startswith("best: ")
