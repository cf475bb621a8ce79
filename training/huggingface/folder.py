"""A model's folder as `save_pretrained` writes it, and as a download leaves it on the disk.

Rule: a file that is missing, is not what it should be, or was never downloaded is named, with what to do.
"""

import json
from pathlib import Path
from typing import Any

from serving.core.brief import brief
from serving.text.tokenizer_files import SENTENCES
from training.errors import ImportRefused

CONFIG = "config.json"
TEXTS = (
    CONFIG,
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    SENTENCES,
)

_POINTER = b"version https://git-lfs"
_NO_TOKENIZER = (
    "has no tokenizer.json, without which no text can be read; write one with "
    "AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)"
)


def read_config(directory: Path) -> dict[str, Any]:
    """Raises `ImportRefused`, also where `directory` is no folder."""
    if not directory.is_dir():
        raise ImportRefused(f"'{directory}' is no folder; give the one that holds {CONFIG} and the weights")
    if not (directory / CONFIG).is_file():
        raise ImportRefused(f"'{directory}' has no {CONFIG}; give the folder that save_pretrained wrote")
    return read_object(directory / CONFIG)


def read_texts(directory: Path) -> dict[str, bytes]:
    """The files that say how text is read and written, by name. Raises `ImportRefused`."""
    if not (directory / "tokenizer.json").is_file():
        raise ImportRefused(f"'{directory}' {_NO_TOKENIZER}")
    return {name: read_file(directory / name) for name in TEXTS if (directory / name).is_file()}


def read_object(path: Path) -> dict[str, Any]:
    """Raises `ImportRefused` for what is no JSON object."""
    document = _read_json(path)
    if type(document) is not dict:
        raise ImportRefused(f"'{path}' must hold a JSON object, got {brief(document)}; download it again")
    return document


def read_list(path: Path) -> list[Any]:
    """Raises `ImportRefused` for what is no JSON list."""
    document = _read_json(path)
    if type(document) is not list:
        raise ImportRefused(f"'{path}' must hold a JSON list, got {brief(document)}; download it again")
    return document


def read_file(path: Path) -> bytes:
    """All of a small file. Raises `ImportRefused` for a pointer of Git LFS."""
    check_no_pointer(path)
    return path.read_bytes()


def check_no_pointer(path: Path) -> None:
    """Raises `ImportRefused` where `path` only says where Git LFS has the file."""
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise ImportRefused(f"'{path}' is a Git LFS pointer, not the file itself; run `git lfs pull` in its folder")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise ImportRefused(f"'{path}' is not JSON: {error}; download it again") from None


def model_name(directory: Path) -> str:
    """What to call the model unless somebody says: the folder's name. A snapshot in Hugging Face's cache is named by a
    hash, and lies in `models--OWNER--NAME/snapshots`."""
    path = directory.resolve()
    if path.parent.name == "snapshots":
        return path.parent.parent.name.rpartition("--")[2]
    return path.name
