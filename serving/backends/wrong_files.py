"""Files that are not what their name says, in words: what came instead of a model, and what to do about it.

Rule: it reads a file's first bytes or a zip's list of names; it never opens what is inside.
"""

import zipfile
from pathlib import Path

from serving.errors import ModelLoadFailed

_HEAD = 64  # bytes
_ONNX_SECOND_FIELDS = (0x12, 0x1A, 0x22, 0x28, 0x32, 0x3A, 0x42)  # the tags that may follow an ONNX file's ir_version


def head_of(path: Path) -> bytes:
    """Raises `ModelLoadFailed` where the file can't be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError as error:
        raise ModelLoadFailed(f"'{path.name}' can't be read: {error.strerror}") from None


def refuse_placeholder(path: Path) -> None:
    """What a download leaves where a model should be, whatever the kind of model. Raises `ModelLoadFailed`."""
    head = head_of(path)
    if not head:
        raise ModelLoadFailed(f"'{path.name}' is empty; copy or publish it again")
    if head.startswith(b"version https://git-lfs"):
        raise ModelLoadFailed(f"'{path.name}' is a Git LFS pointer, not the model itself; run `git lfs pull`")
    if head.lstrip().lower().startswith((b"<!doctype html", b"<html")):
        raise ModelLoadFailed(f"'{path.name}' is a page of HTML, not a model; download the file that the page is about")


def refuse_what_is_no_onnx(path: Path) -> None:
    if head_of(path).startswith(b"PK\x03\x04"):
        raise ModelLoadFailed(
            f"'{path.name}' is a zip archive, as PyTorch writes them, not an ONNX model; a TorchScript archive is "
            "served as model.pt by the backend pytorch"
        )


def refuse_what_is_no_torchscript(path: Path) -> None:
    """Before PyTorch sees it, whose words for these are of a corrupted archive."""
    head = head_of(path)
    if head[:1] == b"\x08" and head[2:3] and head[2] in _ONNX_SECOND_FIELDS:
        raise ModelLoadFailed(f"'{path.name}' is an ONNX model; it is served as model.onnx by the backend onnxruntime")
    if head[:1] == b"\x80":
        raise _no_program(path, "a pickle, which is never opened here")
    names = _names_in(path)
    if any(name.endswith("/models/model.json") for name in names):
        raise _no_program(path, "a program of torch.export (.pt2), which is not served")
    if any(name.endswith("/data.pkl") for name in names) and not any(name.endswith("/constants.pkl") for name in names):
        raise _no_program(path, "a checkpoint of torch.save, which has no program and is never opened here")


def refuse_what_is_no_python(path: Path) -> None:
    if b"\0" in head_of(path):
        raise ModelLoadFailed(f"'{path.name}' is no Python source, which the backend python runs")


def _no_program(path: Path, what: str) -> ModelLoadFailed:
    return ModelLoadFailed(
        f"'{path.name}' is {what}; PyTorch models are served as TorchScript: torch.jit.trace(model, example) or "
        f"torch.jit.script(model), then .save('{path.name}')"
    )


def _names_in(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return []
