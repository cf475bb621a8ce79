"""A folder, or a file, that is one model, made into a repository of it under a name that is given.

Rule: links only, in a folder of its own; a repository is left as it is, and so are its models' names.
"""

import logging
from pathlib import Path

from serving.core import model_config
from serving.core.model_config import DEFAULT_FILENAMES
from serving.core.versions import is_version
from serving.engine.repositories import ModelRepositories
from serving.engine.repository import ModelRepository
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_CONFIG = "config.pbtxt"
_BACKENDS = {".onnx": "onnxruntime", ".pt": "pytorch", ".py": "python"}
_ZIP = b"PK\x03\x04"  # how TorchScript begins; a volume's file may be mounted without its name


def open_one_model(place: Path, name: str, links: Path) -> ModelRepositories:
    """The repository that serves what lies at `place`: itself, or the folder `links` with the model `name` in it.

    One model is its file; its version's folder, which has the file in it; or its own folder, with a config.pbtxt or
    versions in it. Blocks. Raises `ModelLoadFailed` for a folder that may be several models.
    """
    try:
        return _opened(place, name, links)
    except OSError as error:
        raise ModelLoadFailed(f"{error.filename or place} can't be read: {error.strerror}") from None


def _opened(place: Path, name: str, links: Path) -> ModelRepositories:
    if place.is_file():
        _link_file(place, links / name)
    elif is_folder_of_model(place):
        (links / name).symlink_to(place.absolute())
    elif file := _model_file(place):
        _link_version(place, file, links / name)
    else:
        _note_own_names(place, name)
        return ModelRepositories([ModelRepository(place)])
    return ModelRepositories([ModelRepository(links, renames=True)])


def is_folder_of_model(folder: Path) -> bool:
    """Whether it has what only a model's own folder has."""
    inside = {path.name for path in folder.iterdir()}
    if any(is_version(each) and _has_files(folder / each) for each in inside):
        return True
    return _CONFIG in inside and not _model_file(folder)


def _has_files(version: Path) -> bool:
    """And so is a version, not a model whose name is a number."""
    files = {path.name for path in version.iterdir() if path.is_file()} if version.is_dir() else set()
    return bool(files) and _CONFIG not in files


def _model_file(folder: Path) -> str:
    """Of a version's folder, or "". One file with a model's ending is the model, whatever its name."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    if usual := next((name for name in DEFAULT_FILENAMES.values() if name in names), ""):
        return usual
    found = [name for name in names if Path(name).suffix in (".onnx", ".pt")]
    if len(found) > 1:
        raise ModelLoadFailed(
            f"{folder} has {len(found)} models' files, {found[0]}, {found[1]}...; call the one to serve "
            f"model{Path(found[0]).suffix}, or give each a folder: NAME/1/model{Path(found[0]).suffix}"
        )
    return found[0] if found else ""


def _link_file(file: Path, model: Path) -> None:
    backend = _BACKENDS.get(file.suffix) or ("pytorch" if _head(file) == _ZIP else "onnxruntime")
    (model / "1").mkdir(parents=True)
    (model / "1" / DEFAULT_FILENAMES[backend]).symlink_to(file.absolute())


def _head(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(len(_ZIP))


def _link_version(folder: Path, file: str, model: Path) -> None:
    model.mkdir(parents=True)
    (model / "1").symlink_to(folder.absolute())
    if (folder / _CONFIG).is_file():
        (model / _CONFIG).symlink_to((folder / _CONFIG).absolute())
    elif file not in DEFAULT_FILENAMES.values():
        config = model_config.ModelConfig(backend=_BACKENDS[Path(file).suffix], default_model_filename=file)
        (model / _CONFIG).write_text(str(config), encoding="utf-8")


def _note_own_names(place: Path, name: str) -> None:
    names = ModelRepository(place).names()
    if name not in names:
        has = f"its models keep their names: {', '.join(names)}" if names else "it has no models"
        log.warning("%s is a model repository and no model, so that --model-name %s names none; %s", place, name, has)
