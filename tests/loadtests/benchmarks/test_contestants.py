import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from loadtests.benchmarks.bench_models import MODELS, add_model
from loadtests.benchmarks.callers import ask_each
from loadtests.benchmarks.contestants import Contestant, checked, contestants, litserve, mlserver, ray, tritonserver
from loadtests.benchmarks.server_process import ServerFailed

MODEL = MODELS[1]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    add_model(root, MODEL)
    return root


@pytest.fixture(scope="module")
def expected(repository: Path) -> np.ndarray:
    session = onnxruntime.InferenceSession(repository / MODEL.name / "1" / "model.onnx")
    [answer] = session.run(None, {"x": MODEL.row()})
    assert isinstance(answer, np.ndarray)
    return answer


def known() -> dict[str, Contestant]:
    return {each.name: each for each in contestants(Path("/nowhere"), "")[0]}


def test_what_is_not_installed_is_told_with_what_to_do(tmp_path: Path) -> None:
    python = tmp_path / "litserve" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    found, missing = contestants(tmp_path, "tritonserver")
    assert [each.name for each in found] == ["slipway", "slipway-json", "bare", "triton", "litserve"]
    assert list(missing) == ["mlserver", "ray"]
    assert "make bench-peers" in missing["ray"]
    assert "--triton" in contestants(tmp_path, "")[1]["triton"]


@pytest.mark.parametrize("name", ["slipway", "slipway-json", "bare"])
def test_a_server_answers_as_session_run_does(name: str, repository: Path, expected: np.ndarray) -> None:
    contestant = known()[name]
    with checked(contestant, repository, MODEL, expected) as server:
        answers = ask_each(server.port, [contestant.wire.call(MODEL)] * 3)
    assert [answer.status for answer in answers] == [200] * 3
    assert contestant.wire.read(MODEL, answers[-1].body) == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_a_server_that_answers_anything_else_is_not_measured(repository: Path, expected: np.ndarray) -> None:
    with pytest.raises(ServerFailed, match="bare answered"), checked(known()["bare"], repository, MODEL, expected + 1):
        pytest.fail("it was measured")


def test_a_server_that_ends_is_told_with_its_last_words(repository: Path, expected: np.ndarray) -> None:
    found, _ = contestants(Path("/nowhere"), f"{sys.executable} -c 'import sys; sys.exit(\"no room\")'")
    with pytest.raises(ServerFailed, match="no room"), checked(found[-1], repository, MODEL, expected):
        pytest.fail("it was measured")


def test_peers_are_told_file_port_and_batching(tmp_path: Path) -> None:
    python = Path("/peers/x/bin/python")
    file = str(tmp_path / "cnn" / "1" / "model.onnx")
    for compose in (litserve, ray):
        assert compose(python, tmp_path, MODEL, 4321, tmp_path).words[2:] == [file, "4321", "64", "0.002"]
    assert mlserver(python, tmp_path, MODEL, 4321, tmp_path).words[0] == "/peers/x/bin/mlserver"
    assert json.loads((tmp_path / "settings.json").read_text())["http_port"] == 4321
    settings = json.loads((tmp_path / "model-settings.json").read_text())
    assert (settings["max_batch_size"], settings["max_batch_time"]) == (64, 0.002)
    assert settings["parameters"] == {"uri": file}


def test_tritons_program_may_bring_options(tmp_path: Path) -> None:
    words = tritonserver("/opt/triton --backend-directory='/my backends'", tmp_path, MODEL, 4321, tmp_path).words
    assert words[:2] == ["/opt/triton", "--backend-directory=/my backends"]
    assert f"--model-repository={tmp_path}" in words
    assert "--http-port=4321" in words
