"""Where the models are that a command is about. Rule: the command line comes before the environment."""

import os
import shlex
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from serving.core.remote_address import is_remote
from serving.core.versions import is_version

DEFAULT = "model_repository"
VARIABLE = "SLIPWAY_MODEL_REPOSITORY"

HELP = (
    "Folder with one folder per model, or an address (s3://, gs://, az://, http://); may be several. "
    f"Unless named here, what {VARIABLE} holds, with commas between several; else {DEFAULT}."
)

_MODEL_FILES = ("model.onnx", "model.pt", "model.py")


@dataclass(frozen=True, slots=True)
class Part:
    """A folder that is no repository: what it is, in words, and the repository that it lies in."""

    what: str
    repository: Path


def chosen(named: list[str]) -> list[str]:
    """All that the command line names; else those of the environment, else the default. What is named twice is one."""
    places = named or [place for place in os.environ.get(VARIABLE, "").split(",") if place] or [DEFAULT]
    distinct: dict[str, str] = {}
    for place in places:
        distinct.setdefault(place.rstrip("/") if is_remote(place) else os.path.realpath(_folder(place)), place)
    return list(distinct.values())


def is_missing(place: str) -> bool:
    """Whether it is a folder that is not there; of an address that can't be told."""
    return not is_remote(place) and not _folder(place).is_dir()


def listed(places: Iterable[str]) -> str:
    """In words, each folder by its full path, so that nobody wonders which one was meant."""
    return " and ".join(place if is_remote(place) else os.path.realpath(_folder(place)) for place in places)


def first_model(places: Iterable[str]) -> str:
    """The command that puts a model where there is none; where nobody but its owner can, in words."""
    folder = next((place.removeprefix("file://") for place in places if not is_remote(place)), None)
    if folder is None:
        return "copy a model's folder there"
    into = "" if folder == DEFAULT else f" --repository {shlex.quote(folder)}"
    return f"`slipway train digits-cnn{into}` makes one"


def part_of_repository(place: str | Path) -> Part | None:
    """None for a folder that may be a repository, and for an address."""
    root = _folder(str(place)).absolute()
    if is_remote(str(place)) or not root.is_dir():
        return None
    if (root / "config.pbtxt").exists():
        return Part("the folder of one model, since it has a config.pbtxt", root.parent)
    inside = [path for path in sorted(root.iterdir()) if not path.name.startswith(".")]
    if is_version(root.name) and inside and all(path.is_file() for path in inside):
        return Part("the folder of one model's version", root.parents[1])
    for folder in filter(lambda path: is_version(path.name), inside):
        for name in filter(lambda name: (folder / name).is_file(), _MODEL_FILES):
            return Part(f"the folder of one model, since it has a {folder.name}/{name}", root.parent)
    return None


def _folder(place: str) -> Path:
    return Path(place.removeprefix("file://"))
