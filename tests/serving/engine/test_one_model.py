import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from tritonclient.http import InferenceServerClient, InferInput

from serving.engine.one_model import is_folder_of_model, open_one_model
from serving.errors import ModelLoadFailed
from tests import tiny_models
from tests.running_server import running


def own_folder(model: Path, place: Path) -> None:
    """Whose config.pbtxt has another name."""
    shutil.copytree(model, place)
    (place / "config.pbtxt").write_text(f'name: "double"\n{(place / "config.pbtxt").read_text()}')


def own_folder_without_a_config(model: Path, place: Path) -> None:
    shutil.copytree(model / "1", place / "3")


def version_folder(model: Path, place: Path) -> None:
    shutil.copytree(model / "1", place)
    shutil.copy(model / "config.pbtxt", place)


def file_with_a_name_of_its_own(model: Path, place: Path) -> None:
    place.mkdir()
    shutil.copy(model / "1" / "model.onnx", place / "best.onnx")
    (place / "readme.md").touch()


def link_to_a_folder(model: Path, place: Path) -> None:
    """As a sidecar has its file system looked at."""
    place.symlink_to(model / "1")


def mounted_file(model: Path, place: Path) -> None:
    shutil.copy(model / "1" / "model.onnx", place)


def mounted_torchscript(_: Path, place: Path) -> None:
    class Double(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + x

    torch.jit.trace(Double(), torch.zeros(1, 4)).save(place)


LAYOUTS = {
    own_folder: "1",
    own_folder_without_a_config: "3",
    version_folder: "1",
    file_with_a_name_of_its_own: "1",
    link_to_a_folder: "1",
    mounted_file: "1",
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_whatever_of_a_model_lies_there_it_answers_under_its_given_name(
    layout: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    tiny_models.add_double(tmp_path)
    place = tmp_path / "mnt" / "models"
    place.parent.mkdir()
    layout(tmp_path / "double", place)

    with running(place, model_name="my-service") as server:
        client = InferenceServerClient(server.address)
        x = InferInput("x", [1, 4], "FP32").set_data_from_numpy(tiny_models.ROW)
        assert client.is_model_ready("my-service")
        assert client.get_model_metadata("my-service")["versions"] == [LAYOUTS[layout]]
        np.testing.assert_array_equal(client.infer("my-service", [x]).as_numpy("y"), 2 * tiny_models.ROW)


def test_a_file_without_its_ending_is_told_by_its_first_bytes(tmp_path: Path) -> None:
    mounted_torchscript(tmp_path, tmp_path / "models")
    repository = open_one_model(tmp_path / "models", "m", tmp_path / "links")
    assert repository.files(repository.version_directory("m", 1)) == {"model.pt"}


def test_a_repository_is_served_as_it_is_and_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_sum(tmp_path)
    assert open_one_model(tmp_path, "sum", tmp_path / "no").names() == ["double", "sum"]
    assert not caplog.messages
    assert open_one_model(tmp_path, "other", tmp_path / "no").names() == ["double", "sum"]
    assert "its models keep their names: double, sum" in caplog.text


def test_an_ensemble_has_a_config_only(tmp_path: Path) -> None:
    assert is_folder_of_model(tiny_models.add_ensemble(tmp_path, "e", "double:x>y"))


def test_a_folder_of_models_is_none_whatever_their_names(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path, "7")
    assert not is_folder_of_model(tmp_path)


def test_of_two_models_files_none_is_guessed(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").touch()
    (tmp_path / "b.onnx").touch()
    with pytest.raises(ModelLoadFailed, match=r"2 models' files, a.onnx, b.onnx...; call the one to serve model.onnx"):
        open_one_model(tmp_path, "m", tmp_path / "links")
