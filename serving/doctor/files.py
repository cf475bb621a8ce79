"""Files that the server must write, and those that others must not read.

Rule: nothing is written or made to find out.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from serving.core.remote_address import is_remote
from serving.doctor.finding import Finding, ok, problem, warning
from serving.settings import Settings


def examine(settings: Settings, api_key_file: Path | None) -> list[Finding]:
    written = [_writable(option, path) for option, path in _written(settings)]
    certificates = settings.access.certificates
    key = None if certificates is None else certificates.keyfile or certificates.certfile
    secrets = (("--ssl-keyfile", key), ("--api-key-file", api_key_file))
    secret = [_private(option, path) for option, path in secrets if path is not None and path.is_file()]
    return [*written, *_room(settings), *secret]


def _written(settings: Settings) -> Iterator[tuple[str, Path]]:
    for option, path in (
        ("--state-file", settings.state_file),
        ("--record-file", settings.record_file),
        ("--trace-file", settings.trace_file),
    ):
        if path is not None:
            yield option, path
    if settings.model_cache is not None and any(is_remote(str(place)) for place in settings.places):
        yield "--model-cache", settings.model_cache


def _writable(option: str, path: Path) -> Finding:
    """A file that is written in place or renamed into its folder, and a folder that is made where there is none."""
    is_folder = option == "--model-cache"
    if path.exists() and path.is_dir() != is_folder:
        return problem(option, f"{path} is {'no' if is_folder else 'a'} folder", f"{option} names another")
    near = path if path.exists() else path.parent
    while is_folder and not near.exists():
        near = near.parent
    if not near.exists():
        return problem(option, f"the folder {near} does not exist", f"mkdir -p {near}")
    if not os.access(near, os.W_OK | (os.X_OK if near.is_dir() else 0)) or (not near.is_dir() and near is not path):
        return problem(option, f"{near} can't be written by this user", f"chown it, or {option} names another")
    return ok(option, f"{path} can be written")


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
