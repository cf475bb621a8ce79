"""The ensemble that the repository holds: a picture's file in, the digit that it shows out."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
import tritonclient.http as http_client
from tritonclient.utils import InferenceServerException

from tests.running_server import RunningServer, running
from tests.slipway_command import ROOT, slipway

SEVEN = ROOT / "docs" / "images" / "seven.png"
OURS = ROOT / "model_repository"


@pytest.fixture(scope="module")
def server(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """As `make serve` has it: what is in git, and what was trained."""
    root = tmp_path_factory.mktemp("digits")
    for name in ("digits", "digits-decode", "digits-label"):
        shutil.copytree(OURS / name, root / name)
    shutil.copytree(repository / "digits-cnn", root / "digits-cnn")
    with running(root) as started:
        yield started


def ask(server: RunningServer, files: list[bytes]) -> http_client.InferResult:
    tensor = http_client.InferInput("image", [len(files), 1], "BYTES")
    tensor.set_data_from_numpy(np.array(files, dtype=object)[:, None])
    with http_client.InferenceServerClient(server.address) as client:
        return client.infer("digits", [tensor])


def test_a_seven_is_a_seven(server: RunningServer) -> None:
    answer = ask(server, [SEVEN.read_bytes()] * 3)
    assert answer.as_numpy("label").tolist() == [[b"7"]] * 3
    probabilities, scores = answer.as_numpy("probabilities"), answer.as_numpy("score")
    assert probabilities.shape == (3, 10)
    assert scores.tolist() == probabilities.max(axis=1, keepdims=True).tolist()
    assert scores.min() > 0.9


def test_it_sees_what_the_network_sees_through_the_route_for_pictures(server: RunningServer) -> None:
    def classified(model: str) -> object:
        return httpx.post(f"{server.url}/v1/models/{model}/classify", content=SEVEN.read_bytes()).json()

    assert classified("digits") == classified("digits-cnn")


def test_predict_takes_the_file(server: RunningServer) -> None:
    done = slipway("predict", "digits", str(SEVEN), "--url", server.url, "--top-k", "1")
    assert done.stdout.startswith("7  ")


def test_a_file_that_is_no_picture_is_its_callers_fault_and_costs_no_neighbour(server: RunningServer) -> None:
    def label(file: bytes) -> str:
        try:
            return str(ask(server, [file]).as_numpy("label")[0, 0].decode())
        except InferenceServerException as error:
            return str(error)

    files = [b"no picture" if number % 4 == 3 else SEVEN.read_bytes() for number in range(16)]
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(label, files))
    refused = [words for number, words in enumerate(found) if number % 4 == 3]
    assert [words for number, words in enumerate(found) if number % 4 != 3] == ["7"] * 12
    assert all(words.startswith("[400] in ensemble 'digits', model 'digits-decode': ") for words in refused)


def test_its_example_is_the_picture_of_the_documentation() -> None:
    assert (OURS / "digits" / "1" / "example.png").read_bytes() == SEVEN.read_bytes()


def test_cleaning_up_removes_what_was_trained_and_nothing_else(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository, tmp_path / "model_repository")
    shutil.copytree(OURS / "digits-label", tmp_path / "model_repository" / "digits-label")
    shutil.copy(ROOT / "Makefile", tmp_path)
    subprocess.run(["make", "-s", "clean"], cwd=tmp_path, check=True)
    left = {path.relative_to(tmp_path / "model_repository") for path in tmp_path.rglob("[0-9]")}
    assert left == {Path("digits-label/1")}
    assert (tmp_path / "model_repository" / "digits-cnn" / "config.pbtxt").is_file()
