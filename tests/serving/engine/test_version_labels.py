from pathlib import Path

import httpx
import numpy as np
import pytest

from serving.core.model_config import ModelConfig
from serving.engine.version_labels import labels_of_version
from serving.errors import ModelLoadFailed
from tests import tiny_models
from tests.running_server import running

SHARED = {"scores": ("dark", "bright")}


def _config() -> ModelConfig:
    config = ModelConfig(name="m")
    config.output.add(name="scores", label_filename="labels.txt")
    config.output.add(name="more")
    return config


def test_without_a_file_of_its_own_a_version_has_those_of_all(tmp_path: Path) -> None:
    assert labels_of_version(_config(), tmp_path, SHARED) == SHARED


def test_its_own_file_counts(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("night\nday\n")

    assert labels_of_version(_config(), tmp_path, SHARED) == {"scores": ("night", "day")}


def test_one_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(b"\xff\xfe")

    with pytest.raises(ModelLoadFailed, match=r"the version's 'labels\.txt' can't be read"):
        labels_of_version(_config(), tmp_path, SHARED)


def test_one_that_may_not_be_read_is_told_without_the_servers_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its error, since root, who may run this, may read all."""

    def refused(path: Path, **_: str) -> str:
        raise PermissionError(13, "Permission denied", str(path))

    (tmp_path / "labels.txt").touch()
    monkeypatch.setattr(Path, "read_text", refused)
    with pytest.raises(ModelLoadFailed, match=r"read: Permission denied: labels\.txt$"):
        labels_of_version(_config(), tmp_path, SHARED)


def test_a_link_out_of_the_versions_folder_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("night\nday\n")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "labels.txt").symlink_to("../secret")

    with pytest.raises(ModelLoadFailed, match=r"the version's 'labels\.txt' is outside its folder"):
        labels_of_version(_config(), tmp_path / "1", SHARED)


def test_a_link_within_it_is(tmp_path: Path) -> None:
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "names").write_text("night\nday\n")
    (tmp_path / "1" / "labels.txt").symlink_to("names")
    (tmp_path / "2").symlink_to("1")

    assert labels_of_version(_config(), tmp_path / "2", SHARED) == {"scores": ("night", "day")}


def test_each_version_answers_with_its_own_labels(tmp_path: Path) -> None:
    tiny_models.add_brightness(tmp_path)
    folder = tmp_path / "brightness"
    (folder / "config.pbtxt").write_text((folder / "config.pbtxt").read_text() + "version_policy { all {} }\n")
    (folder / "2").mkdir()
    (folder / "2" / "model.onnx").write_bytes((folder / "1" / "model.onnx").read_bytes())
    (folder / "2" / "labels.txt").write_text("night\nday\n")
    with running(tmp_path) as server:
        reply = httpx.get(f"{server.url}/v2/models/brightness")
        inputs = reply.json()["inputs"][0]
        data = np.full([max(size, 1) for size in inputs["shape"]], 255.0)
        tensor = {"name": inputs["name"], "datatype": "FP32", "shape": list(data.shape), "data": data.ravel().tolist()}
        outputs = [{"name": "scores", "parameters": {"classification": 1}}]
        best = [
            httpx.post(
                f"{server.url}/v2/models/brightness/versions/{version}/infer",
                json={"inputs": [tensor], "outputs": outputs},
            ).json()["outputs"][0]["data"][0]
            for version in (1, 2)
        ]

    assert [told.split(":")[-1] for told in best] == ["bright", "day"]


def test_labels_are_counted_of_each_version(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tiny_models.add_brightness(tmp_path)
    folder = tmp_path / "brightness"
    (folder / "config.pbtxt").write_text((folder / "config.pbtxt").read_text() + "version_policy { all {} }\n")
    (folder / "2").mkdir()
    (folder / "2" / "model.onnx").write_bytes((folder / "1" / "model.onnx").read_bytes())
    (folder / "labels.txt").write_text("dark\n")
    (folder / "1" / "labels.txt").write_text("night\nday\n")
    with running(tmp_path):
        pass

    told = [record.getMessage() for record in caplog.records if "classes" in record.getMessage()]
    assert told == ["brightness version 2: output 'scores' has 2 classes and labels.txt 1"]
