"""What keeps a server from running: looked for before anything starts, or told by what can't.

Rule: each is one line that says what to do, and an exit code.
"""

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

import typer

from serving.commands import places
from serving.core import remote_address
from serving.errors import ModelLoadFailed
from serving.exit_codes import ExitCode
from serving.settings import Settings


class CannotServe(Exception):
    def __init__(self, why: str, code: ExitCode) -> None:
        super().__init__(why)
        self.code = code


def check_places(settings: Settings) -> None:
    """Raises `CannotServe`, and `BadParameter` for a folder that is something else than a repository."""
    for place in settings.places:
        if isinstance(place, Path):
            check_repository(place, settings.model_name is not None)
    if settings.trace_file is not None:
        _check_trace_file(settings.trace_file)
    if settings.model_cache is not None and _needs_cache(settings.places):
        _check_cache(settings.model_cache)


def failures() -> dict[type[Exception], ExitCode]:
    """What `server.serve` raises where somebody can do something about it."""
    from serving.application import ModelsFailed
    from serving.backends.cuda_runtime import NoCuda
    from serving.engine.state_file import StateFileUnusable
    from serving.gateways.gateways import GatewaysFailed
    from serving.listening import PortTaken
    from serving.recording.record_file import RecordFileUnusable
    from serving.tracing.otlp import TracingUnavailable
    from serving.transports.tls import CertificatesUnusable

    return {
        GatewaysFailed: ExitCode.UNEXPECTED,
        TracingUnavailable: ExitCode.MISUSED,
        CertificatesUnusable: ExitCode.MISUSED,
        ModelLoadFailed: ExitCode.NO_REPOSITORY,
        PortTaken: ExitCode.NO_PORT,
        ModelsFailed: ExitCode.MODEL_FAILED,
        NoCuda: ExitCode.NO_GPU,
        RecordFileUnusable: ExitCode.NO_FILE,
        StateFileUnusable: ExitCode.NO_FILE,
    }


def check_repository(root: Path, may_be_one_model: bool) -> None:
    """Raises what `check_places` does."""
    if may_be_one_model and root.is_file() and os.access(root, os.R_OK):
        return
    if not root.is_dir():
        what = "is no folder" if root.exists() else "does not exist"
        raise CannotServe(
            f"the model repository {root} {what}; name another: slipway serve FOLDER", ExitCode.NO_REPOSITORY
        )
    if not os.access(root, os.R_OK | os.X_OK):
        raise CannotServe(
            f"the model repository {root} can't be read by user {_user()}; give it the right to read and enter it",
            ExitCode.NO_REPOSITORY,
        )
    if not may_be_one_model and (part := places.part_of_repository(root)):
        raise typer.BadParameter(
            f"{root} is {part.what}; a repository is the folder around models: "
            f"slipway serve {shlex.quote(str(part.repository))} (or serve it alone: --model-name NAME)"
        )


def _check_trace_file(path: Path) -> None:
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise CannotServe(f"--trace-file: nothing can be written into the folder {path.parent}", ExitCode.NO_FILE)
    if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        raise CannotServe(f"--trace-file: {path} can't be written; name another", ExitCode.NO_FILE)


def _needs_cache(repositories: Iterable[Path | str]) -> bool:
    return any(remote_address.is_remote(str(place)) for place in repositories)


def _check_cache(folder: Path) -> None:
    why = ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = error.strerror or str(error)
    if why or not os.access(folder, os.W_OK | os.X_OK):
        raise CannotServe(
            f"the model cache {folder} can't be written ({why or f'by user {_user()}'}); choose another with "
            "--model-cache",
            ExitCode.NO_FILE,
        )


def _user() -> str:
    return str(os.getuid()) if hasattr(os, "getuid") else "of this process"
