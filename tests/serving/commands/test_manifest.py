"""`slipway models manifest`, and what a server then makes of the version."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from serving.cli import app
from serving.core import golden
from serving.core.states import ModelState
from serving.engine.loading import LoadPolicy, load_model
from serving.engine.repository import ModelRepository
from tests import python_models, tiny_models

STRICT = LoadPolicy(require_manifest=True)


def manifest(*arguments: object, status: int = 0) -> str:
    result = CliRunner().invoke(app, ["models", "manifest", *map(str, arguments)])
    assert result.exit_code == status, result.output
    return result.output


async def reason(root: Path, name: str, policy: LoadPolicy = STRICT) -> str:
    """Why the first version is not served; "" where it is."""
    version = load_model(ModelRepository(root), name, None, asyncio.get_running_loop(), policy=policy)["1"]
    if version.served is not None:
        assert version.served.close(10)
    assert (version.state is ModelState.READY) is not bool(version.reason)
    return version.reason


@pytest.fixture
def version(tmp_path: Path) -> Path:
    tiny_models.add_double(tmp_path)
    return tmp_path / "double" / "1"


@pytest.mark.parametrize("name", ["double", "affine", "table"])
async def test_a_version_with_it_is_served_where_one_is_required(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    {"double": tiny_models.add_double, "affine": tiny_models.add_torchscript, "table": tiny_models.add_table}[name](
        tmp_path
    )
    assert "has no manifest.json" in await reason(tmp_path, name)
    told = manifest(tmp_path / name / "1")
    assert "what the model answers to them: 8 rows" in told
    assert f"next: slipway serve {tmp_path} --require-manifest" in told
    with caplog.at_level("INFO"):
        assert await reason(tmp_path, name) == ""
    assert "its golden rows are right" in caplog.text


async def test_one_flipped_bit_is_found_by_name(version: Path, tmp_path: Path) -> None:
    manifest(version)
    content = bytearray((version / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (version / "model.onnx").write_bytes(content)
    assert (await reason(tmp_path, "double")).startswith("'model.onnx' is not the file that was published")


async def test_other_weights_do_not_answer_the_golden_rows(version: Path, tmp_path: Path) -> None:
    manifest(version)
    (version / "manifest.json").unlink()
    tiny_models.write_onnx(version / "model.onnx", "g (float[n, 4] x) => (float[n, 4] y) { y = Mul(x, x) }")
    told = await reason(tmp_path, "double", LoadPolicy())
    assert told.startswith("the self-check failed: output 'y' differs in 8 of 8 golden rows")


async def test_a_python_model_gets_hashes_only_and_is_told_why(tmp_path: Path) -> None:
    python_models.add_model(
        tmp_path,
        "m",
        """input { name: "x" data_type: TYPE_FP32 dims: 1 } output { name: "y" data_type: TYPE_FP32 dims: 1 }""",
        """
        import pathlib
        pathlib.Path(__file__).with_name("ran").touch()
        class Model:
            def execute(self, request):
                return {"y": request.inputs["x"]}
        """,
    )
    told = manifest(tmp_path / "m" / "1")
    assert "not written: a Python model is not run, since its code may do anything" in told
    assert sorted(path.name for path in (tmp_path / "m" / "1").iterdir()) == ["manifest.json", "model.py"]


def test_a_model_that_can_not_be_loaded_gets_hashes_and_its_reason(version: Path) -> None:
    path = version.parent / "config.pbtxt"
    path.write_text(path.read_text().replace('name: "y"', 'name: "z"'))
    told = manifest(version)
    assert "golden.npz     not written: unexpected inference output 'z', allowed outputs are: y" in told
    assert "manifest.json  SHA-256 of model.onnx" in told


def test_what_is_there_is_overwritten_only_with_force(version: Path) -> None:
    manifest(version, "--rows", 3)
    before = (version / "manifest.json").read_text()
    told = manifest(version, status=1)
    assert f"{version}/manifest.json is there already; --force writes it anew" in told
    assert (version / "manifest.json").read_text() == before
    manifest(version, "--rows", 5, "--force")
    assert golden.decode((version / "golden.npz").read_bytes()).rows == 5
    assert (version / "manifest.json").read_text() != before


def test_golden_rows_that_somebody_made_are_kept(version: Path) -> None:
    rows = np.ones((1, 4), np.float32)
    made = golden.encode(golden.GoldenRows({"x": rows}, {"y": 2 * rows}))
    (version / "golden.npz").write_bytes(made)
    assert "golden.npz     kept as it is" in manifest(version)
    assert (version / "golden.npz").read_bytes() == made
    assert "golden.npz" in json.loads((version / "manifest.json").read_text())["files"]


async def test_inputs_may_be_given(tmp_path: Path) -> None:
    tiny_models.add_lookup(tmp_path)
    version = tmp_path / "lookup" / "1"
    (tmp_path / "rows.json").write_text("[0, 1, 2]")
    assert "3 rows" in manifest(version, "--input", tmp_path / "rows.json")
    assert golden.decode((version / "golden.npz").read_bytes()).outputs["entry"].tolist() == [[10], [20], [30]]
    assert await reason(tmp_path, "lookup") == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [("[99]", "the model can't answer these inputs"), ("[[1, 2]]", "unexpected shape"), ("{", "rows")],
)
def test_inputs_that_are_given_and_wrong_write_nothing(tmp_path: Path, content: str, words: str) -> None:
    tiny_models.add_lookup(tmp_path)
    (tmp_path / "rows.json").write_text(content)
    assert words in manifest(tmp_path / "lookup" / "1", "--input", tmp_path / "rows.json", status=1)
    assert [path.name for path in (tmp_path / "lookup" / "1").iterdir()] == ["model.onnx"]


def test_random_inputs_that_a_model_can_not_answer_are_said_with_the_way_out(tmp_path: Path) -> None:
    folder = tiny_models.write_config(tmp_path, "picky", "")
    tiny_models.write_onnx(
        folder / "1" / "model.onnx",
        "g (float[n, m] x) => (float[n, 7] y) { y = Add(x, seven) }",
        seven=np.ones(7, np.float32),
    )
    assert "; they are random, --input FILE gives others" in manifest(folder / "1")


def test_folders_that_are_none_of_a_version_are_refused_before_anything_is_written(version: Path) -> None:
    told = manifest(version, version.parent, status=1)
    assert f"{version.parent} is no version's folder, which a number names; name one, such as {version}" in told
    assert f"there is no folder {version}9; name a version's folder" in manifest(f"{version}9", status=1)
    assert not (version / "manifest.json").exists()


def test_several_versions_and_a_folder_inside_one_are_told(tmp_path: Path, version: Path) -> None:
    tiny_models.add_lookup(tmp_path)
    (version / "assets").mkdir()
    told = manifest(version, tmp_path / "lookup" / "1")
    assert "assets is no file, so that --require-manifest refuses the version" in told
    assert told.count("next: ") == 1
