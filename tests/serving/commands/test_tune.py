"""`slipway tune`, within the tests' own process, and what a server then makes of it."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from serving.backends.cores import usable_cores
from serving.cli import app
from serving.core import model_config
from serving.engine.load_policy import LoadPolicy
from serving.engine.loading import load_model
from serving.engine.repository import ModelRepository
from tests import python_models, tiny_models


def tune(*arguments: object, status: int = 0, columns: str = "300") -> list[str]:
    result = CliRunner().invoke(app, ["tune", *map(str, arguments)], env={"COLUMNS": columns})
    assert result.exit_code == status, result.output
    return result.output.splitlines()


def document(lines: list[str]) -> dict[str, Any]:
    return json.loads(lines[-1])  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    tiny_models.add_double(tmp_path / "models")
    return tmp_path / "models"


@pytest.mark.skipif(usable_cores() == 1, reason="one core leaves a server nothing to choose")
async def test_the_next_load_takes_what_was_measured(root: Path, caplog: pytest.LogCaptureFixture) -> None:
    told = tune("double", root, "--seconds", 1)
    found = document(told)
    assert Path(found["plot"]).read_bytes().startswith(b"\x89PNG")
    assert Path(found["kept"]).parent.parent == root / "double"
    assert found["plot"] == found["kept"].replace(".json", ".png")
    assert [path.name for path in Path().iterdir()] == ["models"], "nothing is left where it was called"
    assert {it["rows"] for it in found["measured"]} == {1, 2, 4, 8}
    table = "\n".join(told)
    assert "rows in a batch │ 1" in table.replace("┃", "│")
    assert f"{found['instances']} x {found['threads']}" in table
    assert f"next:  slipway serve {root}" in told
    caplog.set_level("INFO", logger="slipway")
    loaded = load_model(
        ModelRepository(root), "double", None, asyncio.get_running_loop(), policy=LoadPolicy(auto_tune_secs=3)
    )["1"]
    assert "as measured before" in caplog.text
    assert loaded.tuning is not None
    assert (loaded.tuning.setting.instances, loaded.tuning.setting.threads) == (found["instances"], found["threads"])
    assert loaded.served is not None
    assert len(model_config.devices(loaded.served.config)) == found["instances"]
    assert loaded.served.close(10)


def test_what_the_config_fixes_is_measured_and_it_is_said_that_it_stays(root: Path) -> None:
    fixed = 'instance_group { count: 1 } parameters { key: "intra_op_thread_count" value { string_value: "1" } }'
    tiny_models.add_double(root, extra=fixed)
    told = tune("double", root, "--seconds", 1)
    assert "config.pbtxt sets both instances and threads, which a server goes by" in told
    assert (document(told)["instances"], document(told)["threads"]) == (1, 1)


def test_a_usual_terminal_has_room_for_the_rates_of_a_fast_model(root: Path) -> None:
    config = root / "double" / "config.pbtxt"
    config.write_text(config.read_text().replace("max_batch_size: 8", "max_batch_size: 64"))
    told = tune("double", root, "--seconds", 1, columns="80")
    assert {it["rows"] for it in document(told)["measured"]} <= {1, 2, 4, 8, 16, 32, 64}  # on a busy machine not all
    assert not [line for line in told if "…" in line and ("│" in line or "┃" in line)]


def test_where_it_is_switched_off_that_is_said(root: Path) -> None:
    tiny_models.add_double(root, extra='parameters { key: "auto_tune" value { string_value: "false" } }')
    assert "parameters.auto_tune is false, so that a server takes none of it" in tune("double", root, "--seconds", 1)


def test_without_a_plotting_library_there_is_the_table_and_how_to_get_one(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "serving.commands.tuning_plot", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    told = tune("double", root, "--seconds", 1)
    assert any("is not installed; pip install 'slipway-serving[plots]'" in line for line in told)
    assert document(told)["plot"] is None


def test_a_picture_that_can_not_be_written_costs_no_table(root: Path) -> None:
    told = tune("double", root, "--seconds", 1, "--plot", "/no/such/folder/a.png")
    assert "no plot: /no/such/folder/a.png can't be written: No such file or directory" in told
    assert document(told)["plot"] is None


def test_what_can_not_be_tuned_says_why(root: Path) -> None:
    python_models.add_affine(root, "code")
    cases = {
        (
            "dubble",
            root,
        ): f"slipway tune: there is no model 'dubble' in {root}; did you mean double?; another repository",
        ("double", root, "--version", "7"): "slipway tune: 'double' has no version '7'; it has 1",
        ("code", root): "slipway tune: 'code' has nothing to measure: only ONNX and TorchScript models are tuned",
    }
    for arguments, words in cases.items():
        assert tune(*arguments, status=1)[-1].startswith(words)
