"""The model repository as it lies on disk.

Rule: reads only; everything that a model's folder can get wrong becomes a `ModelLoadFailed` with its reason.
"""

import logging
import os
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path

from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.repository_files import Files
from serving.core.versions import is_version
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_NO_MODELS = (".", "__pycache__", "lost+found")  # what such names begin with, Python and file systems make themselves

_DEEPEST = 8  # folders inside a model's folder that are looked into


class ModelRepository:
    """`root` holds a folder for each model: `<model>/config.pbtxt` and `<model>/<version>/model.onnx`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def __repr__(self) -> str:
        return f"<ModelRepository {self.root}>"

    def names(self) -> list[str]:
        """Every folder is a model; plain files, and folders that systems make or with unprintable names, are not."""
        folders = [path.name for path in self.root.iterdir() if path.is_dir() and not path.name.startswith(_NO_MODELS)]
        for name in folders:
            if not name.isprintable():
                log.warning("the folder %r is passed over: its name can't be printed", name)
        return sorted(name for name in folders if name.isprintable())

    def versions(self, name: str) -> list[int]:
        """The version folders of a model, lowest first; folders not named by a number are something else."""
        try:
            entries = list((self.root / name).iterdir())
        except OSError as error:
            raise ModelLoadFailed(f"the model's folder can't be read: {error.strerror}") from None
        return sorted(int(path.name) for path in entries if is_version(path.name) and path.is_dir())

    def version_directory(self, name: str, version: int) -> Path:
        return self.root / name / str(version)

    def files(self, directory: Path) -> set[str]:
        """The names of what lies in a version's folder."""
        try:
            return {path.name for path in directory.iterdir()}
        except OSError as error:
            raise ModelLoadFailed(f"the folder of version {directory.name} can't be read: {error.strerror}") from None

    def fingerprint(self, name: str) -> Files:
        """What the model's folder holds now, by size, time and inode; empty where it can't be read.

        Folders and files whose names begin with a dot are left out: publishers and editors keep half-made things there.
        """
        return dict(_marks(self.root / name, ""))

    def config(self, name: str) -> ModelConfig:
        """As it is written; where there is no config.pbtxt, one that says nothing."""
        path = self.root / name / "config.pbtxt"
        return model_config.parse(_read(path, "config.pbtxt") if os.path.lexists(path) else "", name)

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]:
        """For each output with a `label_filename`, the lines of that file in the model's folder."""
        return {
            output.name: self._read_labels(config.name, output.label_filename)
            for output in config.output
            if output.label_filename
        }

    def _read_labels(self, name: str, filename: str) -> tuple[str, ...]:
        what = f"label_filename '{filename[:100]}'"
        folder = (self.root / name).resolve()
        try:
            path = (folder / filename).resolve()
        except (ValueError, RuntimeError, OSError):  # a NUL, a loop of links, a name beyond the system's limits
            raise ModelLoadFailed(f"{what} is no file's name") from None
        if not path.is_relative_to(folder):
            raise ModelLoadFailed(f"{what} is outside model directory")
        return tuple(_read(path, what).splitlines())


def _marks(folder: Path, prefix: str) -> Iterator[tuple[str, Hashable]]:
    try:
        entries = list(os.scandir(folder))
    except OSError:  # gone, or not ours to read
        return
    for entry in entries:
        if entry.name.startswith(_NO_MODELS):
            continue
        try:
            status = entry.stat()
            is_folder = entry.is_dir()
        except OSError:  # gone since, or a link to nowhere
            continue
        if not is_folder:
            yield prefix + entry.name, (status.st_size, status.st_mtime_ns, status.st_ino)
        elif prefix.count("/") < _DEEPEST:
            yield from _marks(Path(entry.path), f"{prefix}{entry.name}/")


def _read(path: Path, what: str) -> str:
    """Of ordinary files only: a pipe would be read for ever."""
    try:
        if not path.is_file():
            raise ModelLoadFailed(f"{what} is not there" if not path.exists() else f"{what} is no ordinary file")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelLoadFailed(f"{what} can't be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ModelLoadFailed(f"{what} is not UTF-8: {error}") from None
