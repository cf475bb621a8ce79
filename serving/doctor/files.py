"""Files that the server must write, and those that others must not read.

Rule: nothing is written or made to find out.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from serving.core.remote_address import is_remote
from serving.doctor.finding import Finding, ok, problem, warning
from serving.engine.state_file import StateFile, StateFileUnusable
from serving.settings import Settings

_STATE, _CACHE = "--state-file", "--model-cache"


def examine(settings: Settings, api_key_file: Path | None) -> list[Finding]:
    written = [_not_understood(option, path) or _writable(option, path) for option, path in _written(settings)]
    certificates = settings.access.certificates
    key = None if certificates is None else certificates.keyfile or certificates.certfile
    secrets = (("--ssl-keyfile", key), ("--api-key-file", api_key_file))
    secret = [_private(option, path) for option, path in secrets if path is not None and path.is_file()]
    return [*written, *_room(settings), *secret]


def _written(settings: Settings) -> Iterator[tuple[str, Path]]:
    for option, path in (
        (_STATE, settings.state_file),
        ("--record-file", settings.record_file),
        ("--trace-file", settings.trace_file),
    ):
        if path is not None:
            yield option, path
    if settings.model_cache is not None and any(is_remote(str(place)) for place in settings.places):
        yield _CACHE, settings.model_cache


def _writable(option: str, path: Path) -> Finding:
    """A file that is written in place or renamed into its folder, and a folder that is made where there is none."""
    is_folder = option == _CACHE
    is_folder_made = option in (_CACHE, _STATE)
    if path.exists() and path.is_dir() != is_folder:
        return problem(option, f"{path} is {'no' if is_folder else 'a'} folder", f"{option} names another")
    if not is_folder_made and not path.parent.exists():
        return problem(option, f"the folder {path.parent} does not exist", f"mkdir -p {quote(str(path.parent))}")
    near = next(each for each in (path, *path.absolute().parents) if each.exists())
    is_in_a_file = near is not path and not near.is_dir()
    if is_in_a_file or not os.access(near, os.W_OK | (os.X_OK if near.is_dir() else 0)):
        return problem(option, f"{near} can't be written by this user", f"chown it, or {option} names another")
    return ok(option, f"{path} can be written")


def _not_understood(option: str, path: Path) -> Finding | None:
    """What is wrong with the state of an earlier server."""
    if option != _STATE or not path.exists():
        return None
    try:
        StateFile(path)
    except StateFileUnusable as error:
        says, _, fix = str(error).partition("; ")
        return problem(option, says, fix or f"{option} names another")
    return None


def _room(settings: Settings) -> list[Finding]:
    path = settings.record_file
    if path is None or not path.parent.is_dir():
        return []
    free = shutil.disk_usage(path.parent).free
    if free >= settings.record_max_bytes:
        return []
    says = f"{path} may take {settings.record_max_bytes} bytes, and {free} are free"
    return [warning("--record-max-bytes", says, f"--record-max-bytes {free // 2}, or another disk")]


def _private(option: str, path: Path) -> Finding:
    if os.name == "posix" and path.stat().st_mode & (stat.S_IROTH | stat.S_IWOTH):
        return warning(option, f"{path} can be read by every user of this machine", f"chmod o= {path}")
    return ok(option, f"{path} is not for every user")
