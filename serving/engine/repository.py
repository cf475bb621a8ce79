"""The model repository as it lies on disk.

Rule: reads only; everything that a model's folder can get wrong becomes a `ModelLoadFailed` with its reason.
"""

import hashlib
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.core.versions import is_version
from serving.engine.inside import inside
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_PASSING = (".", "__pycache__")  # what names begin with that programs make for themselves, beside and in models
_NO_MODELS = (*_PASSING, "lost+found")


class Repository(Protocol):
    """What models are read from. Printed, it is the folder's path or the address. All methods may block."""

    @property
    def is_watchable(self) -> bool:
        """Whether it is a folder, whose changes the operating system can tell."""

    def names(self) -> list[str]: ...

    def trouble(self, name: str, /) -> str:
        """Why a model that was found can't be loaded or followed now; "" for one that can."""

    def elsewhere(self, name: str, /) -> str:
        """The address that a model comes from; "" for one in a folder of this machine."""

    def versions(self, name: str) -> list[int]:
        """A load begins with it: what the methods below read is what was there then."""

    def version_directory(self, name: str, version: int) -> Path:
        """Where the version's files are; they are fetched if need be."""

    def files(self, directory: Path) -> set[str]: ...

    def config(self, name: str) -> ModelConfig: ...

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]: ...

    def fingerprint(self, name: str) -> Mapping[str, tuple[int | str, ...]]:
        """What tells a change of each file, by its path in the model's folder; folders end with a slash.

        Cheap: nothing is read or fetched. Empty for a model that is not there.
        """

    def digest(self, name: str, version: int) -> str:
        """Of the content of a version's files, which are read; "" where the fingerprint says as much."""


class ModelRepository:
    """`root` holds a folder for each model: `<model>/config.pbtxt` and `<model>/<version>/model.onnx`. Where it
    `renames`, a folder's name goes before what its config says."""

    is_watchable = True

    def __init__(self, root: Path, renames: bool = False) -> None:
        self.root = root
        self._renames = renames

    def __repr__(self) -> str:
        return f"<ModelRepository {self.root}>"

    def __str__(self) -> str:
        return str(self.root)

    def names(self) -> list[str]:
        """Every folder is a model; plain files, and folders that systems make or with unprintable names, are not."""
        with os.scandir(self.root) as entries:
            names = sorted(entry.name for entry in entries if _is_folder(entry) and is_model_name(entry.name))
        self.root.stat()  # of a repository that goes meanwhile, links seem to lead nowhere
        return names

    def trouble(self, _: str) -> str:
        return ""

    def elsewhere(self, _: str) -> str:
        return ""

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

    def config(self, name: str) -> ModelConfig:
        """As it is written; where there is no config.pbtxt, one that says nothing."""
        path = self.root / name / "config.pbtxt"
        text = _read(path, "config.pbtxt") if os.path.lexists(path) else ""
        return model_config.parse(text, name, self._renames)

    def labels(self, config: ModelConfig) -> Mapping[str, tuple[str, ...]]:
        """For each output with a `label_filename`, the lines of that file in the model's folder."""
        return {
            output.name: self._read_labels(config.name, output.label_filename)
            for output in config.output
            if output.label_filename
        }

    def fingerprint(self, name: str) -> Mapping[str, tuple[int | str, ...]]:
        """Size, modification time in nanoseconds and inode; what programs make for themselves is left out."""
        return dict(_walk(self.root / name, "", frozenset()))

    def digest(self, name: str, version: int) -> str:
        directory = self.version_directory(name, version)
        digest = hashlib.sha256()
        for path in sorted(directory.rglob("*")):
            if path.is_file() and not is_passing(str(path.relative_to(directory))):
                digest.update(f"{path.relative_to(directory)}\0{path.stat().st_size}\0".encode())
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def _read_labels(self, name: str, filename: str) -> tuple[str, ...]:
        what = f"label_filename '{filename[:100]}'"
        try:
            path = inside(self.root / name, filename)
        except (ValueError, RuntimeError, OSError):  # a NUL, a loop of links, a name beyond the system's limits
            raise ModelLoadFailed(f"{what} is no file's name") from None
        if path is None:
            raise ModelLoadFailed(f"{what} is outside model directory")
        return tuple(_read(path, what).splitlines())


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    """A link that leads nowhere or in a circle is none, and no reason to read no model at all."""
    return Path(entry).is_dir() if entry.is_symlink() else entry.is_dir()


def is_model_name(name: str) -> bool:
    if name.startswith(_NO_MODELS):
        return False
    if not name.isprintable():
        log.warning("the folder %r is passed over: its name can't be printed", name)
        return False
    return True


def is_passing(path: str) -> bool:
    """Whether a path in a model's folder is something that programs make for themselves."""
    return any(part.startswith(_PASSING) for part in path.split("/"))


def _walk(folder: Path, above: str, within: frozenset[tuple[int, int]]) -> Iterator[tuple[str, tuple[int | str, ...]]]:
    """Links are followed, except back to a folder they lie in; what vanishes meanwhile is not there."""
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    except OSError as error:
        raise ModelLoadFailed(f"the folder {above or 'of the model'} can't be read: {error.strerror}") from None
    for entry in entries:
        with suppress(OSError):
            status = entry.stat()
            itself = (status.st_dev, status.st_ino)
            if is_passing(entry.name) or itself in within:
                continue
            if stat.S_ISDIR(status.st_mode):
                yield f"{above}{entry.name}/", ()
                yield from _walk(folder / entry.name, f"{above}{entry.name}/", within | {itself})
            else:
                yield f"{above}{entry.name}", (status.st_size, status.st_mtime_ns, status.st_ino)


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
