"""New versions while callers call: no request fails, and every answer is that of a version which was live."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest

from tests import scaled_models
from tests.callers import callers_of
from tests.running_server import RunningServer, running, until
from tests.scaled_models import NAME, current, index
from tests.tiny_models import write_onnx


@contextmanager
def polled(root: Path) -> Iterator[RunningServer]:
    with running(root, model_control_mode="poll", repository_poll_secs=0.5) as server:
        yield server


def test_fifty_reloads_under_load_fail_nobody(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server, callers_of(server) as callers:
        for version in range(2, 52):
            scaled_models.publish(tmp_path, version)
            shutil.rmtree(tmp_path / NAME / str(version - 1))
            assert httpx.post(f"{server.url}/v2/repository/models/{NAME}/load").status_code == 200
            assert current(server) == str(version)
    assert callers.failures == []
    assert all(factor == float(version) for version, factor in callers.answers)
    assert len(callers.answers) > 10


def test_a_published_version_goes_live_and_a_removed_one_goes(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with polled(tmp_path) as server, callers_of(server, 2) as callers:
        scaled_models.publish(tmp_path, 2)
        until(lambda: current(server) == "2", "version 2 is live")
        assert index(server) == {"2": ("READY", "")}
        shutil.rmtree(tmp_path / NAME / "2")
        until(lambda: current(server) == "1", "version 1 is back")
        scaled_models.add_scaled(tmp_path, 1, name="other")
        until(lambda: httpx.get(f"{server.url}/v2/models/other/ready").status_code == 200, "a new model is loaded")
    assert callers.failures == []
    assert all(factor == float(version) for version, factor in callers.answers)


def test_a_model_whose_folder_is_removed_is_forgotten(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with polled(tmp_path) as server:
        shutil.rmtree(tmp_path / NAME)
        until(lambda: index(server) == {}, "it is unloaded")
        reply = httpx.post(f"{server.url}/v2/models/{NAME}/infer", json=scaled_models.request())
        assert (reply.status_code, "is not found" in reply.text) == (400, True)


def wrong_answers(root: Path) -> None:
    scaled_models.publish(root, 2, factor=3.0)


def damaged(root: Path) -> None:
    staging = root / NAME / ".damaged"
    shutil.copytree(root / NAME / "1", staging)
    content = bytearray((staging / "model.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (staging / "model.onnx").write_bytes(content)
    staging.rename(root / NAME / "2")


def half_copied(root: Path) -> None:
    staging = root / NAME / ".half"
    shutil.copytree(root / NAME / "1", staging)
    (staging / "manifest.json").unlink()
    content = (staging / "model.onnx").read_bytes()
    (staging / "model.onnx").write_bytes(content[: len(content) // 2])
    staging.rename(root / NAME / "2")


@pytest.mark.parametrize(
    ("publish", "reason"),
    [
        (wrong_answers, "the self-check failed: output 'y' differs in"),
        (damaged, "'model.onnx' is not the file that was published"),
        (half_copied, "ONNX Runtime can't load 'model.onnx'"),
    ],
)
def test_a_version_that_does_not_prove_itself_gets_no_traffic(
    tmp_path: Path, publish: Callable[[Path], None], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    with polled(tmp_path) as server, callers_of(server, 2) as callers:
        publish(tmp_path)
        until(lambda: "2" in index(server), "version 2 was tried")
        assert index(server)["1"] == ("READY", "")
        state, told = index(server)["2"]
        assert state == "UNAVAILABLE"
        assert reason in told
        assert reason in caplog.text
        assert current(server) == "1"
        assert server.metric(f'slipway_model_load_failures_total{{model="{NAME}"}}') >= 1
        shutil.rmtree(tmp_path / NAME / "2")
        scaled_models.publish(tmp_path, 3)
        until(lambda: current(server) == "3", "a good version goes live after a bad one")
    assert callers.failures == []
    assert {version for version, _ in callers.answers} == {"1", "3"}


def test_a_config_that_breaks_leaves_the_model_as_it_is_and_a_mended_one_is_taken(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    config = tmp_path / NAME / "config.pbtxt"
    good = config.read_text()
    with polled(tmp_path) as server:
        config.write_text("nonsense {")
        until(lambda: index(server)["1"][1], "the reason is in the index")
        state, reason = index(server)["1"]
        assert state == "READY"
        assert reason.startswith("it goes on as it was loaded before: config.pbtxt, line:column 1:")
        assert httpx.post(f"{server.url}/v2/models/{NAME}/infer", json=scaled_models.request()).status_code == 200
        config.write_text(good.replace("max_batch_size: 8", "max_batch_size: 16"))
        until(lambda: index(server)["1"] == ("READY", ""), "it is mended")
        assert httpx.get(f"{server.url}/v2/models/{NAME}/config").json()["max_batch_size"] == 16


def test_what_an_unloaded_version_held_is_given_back(tmp_path: Path) -> None:
    """Versions of 40 MB each: after seven of them, the process has grown by far less than seven."""
    scaled_models.add_scaled(tmp_path, 1)
    process = psutil.Process()
    with running(tmp_path, model_control_mode="explicit", load_model=(NAME,)) as server:
        sizes: list[int] = []
        for version in range(2, 9):
            directory = scaled_models.publish(tmp_path, version)
            add_weight(directory, 40 * 2**20)
            assert httpx.post(f"{server.url}/v2/repository/models/{NAME}/load").status_code == 200
            shutil.rmtree(tmp_path / NAME / str(version - 1))
            sizes.append(process.memory_info().rss)
    assert sizes[-1] - sizes[2] < 3 * 40 * 2**20


def add_weight(directory: Path, size: int) -> None:
    """`size` bytes of zeros that the model multiplies with, and adds to its answer."""
    write_onnx(
        directory / "model.onnx",
        """g (float[n, 4] x) => (float[n, 4] y) {
            products = MatMul(x, weight)
            nothing = ReduceSum <keepdims = 1> (products, axis)
            scaled = Mul(x, factor)
            y = Add(scaled, nothing)
        }""",
        factor=np.array(int(directory.name), np.float32),
        weight=np.zeros((4, size // 16), np.float32),
        axis=np.array([1], np.int64),
    )
    (directory / "manifest.json").unlink()


def test_without_a_config_a_version_that_can_not_be_read_is_the_one_that_is_named(tmp_path: Path) -> None:
    scaled_models.add_scaled(tmp_path, 1)
    (tmp_path / NAME / "config.pbtxt").unlink()
    with running(tmp_path, model_control_mode="poll") as server:
        broken = tmp_path / NAME / ".2"
        broken.mkdir()
        (broken / "model.onnx").write_bytes(b"broken")
        broken.rename(tmp_path / NAME / "2")
        until(lambda: "2" in index(server), "version 2 was tried")
        assert index(server)["1"] == ("READY", "")
        assert index(server)["2"][0] == "UNAVAILABLE"
        assert "ONNX Runtime can't load" in index(server)["2"][1]
        assert current(server) == "1"
