"""Where the models are that a command is about. Rule: the command line comes before the environment."""

import os
from collections.abc import Iterable
from pathlib import Path

from serving.core.remote_address import is_remote

DEFAULT = "model_repository"
VARIABLE = "SLIPWAY_MODEL_REPOSITORY"

HELP = (
    "Folder with one folder per model, or an address (s3://, gs://, az://, http://); may be several. "
    f"Unless named here, what {VARIABLE} holds, with commas between several; else {DEFAULT}."
)


def chosen(named: list[str]) -> list[str]:
    """All that the command line names; else those of the environment, else the default."""
    return named or [place for place in os.environ.get(VARIABLE, "").split(",") if place] or [DEFAULT]


def is_missing(place: str) -> bool:
    """Whether it is a folder that is not there; of an address that can't be told."""
    return not is_remote(place) and not _folder(place).is_dir()


def listed(places: Iterable[str]) -> str:
    """In words, each folder by its full path, so that nobody wonders which one was meant."""
    return " and ".join(place if is_remote(place) else str(_folder(place).resolve()) for place in places)


def _folder(place: str) -> Path:
    return Path(place.removeprefix("file://"))
