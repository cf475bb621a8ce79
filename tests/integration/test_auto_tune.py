"""A server that finds out by itself how many instances and threads its models should have."""

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.backends.cores import usable_cores
from tests import scaled_models, tiny_models
from tests.running_server import RunningServer, running

SECONDS = 1
pytestmark = pytest.mark.skipif(usable_cores() == 1, reason="one core leaves nothing to choose")


def shape(server: RunningServer, model: str) -> tuple[int, str]:
    """Instances, and threads of each, as the server says that the model has them."""
    config: dict[str, Any] = httpx.get(f"{server.url}/v2/models/{model}/config").json()
    threads = config.get("parameters", {}).get("intra_op_thread_count", {}).get("string_value", "")
    return sum(group["count"] for group in config["instance_group"]), threads


def test_what_is_open_is_filled_in_once_and_what_is_set_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="slipway")
    tiny_models.add_double(tmp_path, "open")
    fixed = 'instance_group { count: 3 } parameters { key: "intra_op_thread_count" value { string_value: "1" } }'
    tiny_models.add_double(tmp_path, "fixed", extra=fixed)
    with running(tmp_path, auto_tune_secs=SECONDS) as server:
        assert shape(server, "fixed") == (3, "1")
        first = shape(server, "open")
        assert first[1], "it was measured"
        request = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
        reply = httpx.post(f"{server.url}/v2/models/open/infer", json=request).json()
        assert reply["outputs"][0]["data"] == [2, 4, 6, 8]
    assert "open version 1: " in caplog.text
    caplog.clear()
    with running(tmp_path, auto_tune_secs=SECONDS) as server:
        assert shape(server, "open") == first
    assert ", as measured before" in caplog.text
    assert "measured in" not in caplog.text


def test_a_version_that_comes_while_one_serves_takes_over_its_shape(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="slipway")
    scaled_models.add_scaled(tmp_path, 1)
    with running(tmp_path, auto_tune_secs=SECONDS, model_control_mode="explicit", load_model=("*",)) as server:
        first = shape(server, scaled_models.NAME)
        assert first[1]
        caplog.clear()
        scaled_models.publish(tmp_path, 2)
        assert httpx.post(f"{server.url}/v2/repository/models/{scaled_models.NAME}/load").status_code == 200
        assert scaled_models.current(server) == "2"
        assert shape(server, scaled_models.NAME) == first
    assert "scaled version 2: " in caplog.text
    assert ", as the version that serves" in caplog.text


def test_what_was_measured_does_not_count_as_a_change_of_the_model(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with running(tmp_path, auto_tune_secs=SECONDS, require_manifest=True) as server:
        assert scaled_models.index(server) == {"1": ("READY", "")}
        shutil.rmtree(tmp_path / scaled_models.NAME / ".tuned")
