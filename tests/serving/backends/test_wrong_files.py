import io
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from serving.backends.wrong_files import (
    refuse_placeholder,
    refuse_what_is_no_onnx,
    refuse_what_is_no_python,
    refuse_what_is_no_torchscript,
)
from serving.errors import ModelLoadFailed
from tests import tiny_models

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12\n"


def saved(save: Callable[[Any], object]) -> bytes:
    file = io.BytesIO()
    save(file)
    return file.getvalue()


def zip_of(*names: str) -> bytes:
    def write(file: io.BytesIO) -> None:
        with zipfile.ZipFile(file, "w") as archive:
            for name in names:
                archive.writestr(name, b"")

    return saved(write)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "'model.bin' is empty"),
        (LFS, "'model.bin' is a Git LFS pointer, not the model itself; run `git lfs pull`"),
        (b"\n<!DOCTYPE html><html>", "'model.bin' is a page of HTML"),
        (b"<HTML lang=en>", "'model.bin' is a page of HTML"),
    ],
)
def test_what_a_download_left_instead_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=reason):
        refuse_placeholder(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (pickle.dumps({}), "is a pickle, which is never opened here; .*TorchScript"),
        (saved(lambda file: torch.save({}, file)), "is a checkpoint of torch.save, which has no program"),
        (saved(lambda file: torch.save({}, file, _use_new_zipfile_serialization=False)), "is a pickle"),
        (zip_of("m/models/model.json"), r"is a program of torch.export \(.pt2\)"),
    ],
)
def test_pytorchs_other_files_are_told_apart(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(ModelLoadFailed, match=reason):
        refuse_what_is_no_torchscript(path)


def test_a_model_of_the_other_backend_is_named(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_torchscript(tmp_path)
    with pytest.raises(ModelLoadFailed, match=r"is an ONNX model; it is served as model\.onnx"):
        refuse_what_is_no_torchscript(tmp_path / "double" / "1" / "model.onnx")
    with pytest.raises(ModelLoadFailed, match="is a zip archive, as PyTorch writes them"):
        refuse_what_is_no_onnx(tmp_path / "affine" / "1" / "model.pt")


def test_models_and_what_cannot_be_told_are_left_to_the_runtime(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    tiny_models.add_torchscript(tmp_path)
    refuse_what_is_no_onnx(tmp_path / "double" / "1" / "model.onnx")
    refuse_what_is_no_torchscript(tmp_path / "affine" / "1" / "model.pt")
    for content in (b"\x08", b"\x08\x0a", b"PK\x03\x04", b"anything"):
        path = tmp_path / "model"
        path.write_bytes(content)
        refuse_placeholder(path)
        refuse_what_is_no_torchscript(path)


def test_a_model_of_another_kind_is_no_python(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with pytest.raises(ModelLoadFailed, match=r"'model\.onnx' is no Python source, which the backend python runs"):
        refuse_what_is_no_python(tmp_path / "double" / "1" / "model.onnx")
    path = tmp_path / "model.py"
    path.write_text("class Model: ...")
    refuse_what_is_no_python(path)
