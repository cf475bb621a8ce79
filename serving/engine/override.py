"""A model's configuration and files as a load request brings them, in place of those in the repository.

Source: Triton's extension_model_repository.md. Rule: nothing that a request names leads out of the model's own folder.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from serving.core import model_config
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed, RepositoryPollFailed


@dataclass(frozen=True, slots=True)
class Override:
    """`files` by their path inside the model's folder, such as `1/model.onnx`; with them, nothing else is in it."""

    config: ModelConfig
    files: Mapping[str, bytes] = field(default_factory=dict)


def read_override(config: str | None, files: Mapping[str, bytes], name: str) -> Override | None:
    """What a load request brings, `config` as JSON; None when it brings nothing.

    Raises `RepositoryPollFailed` for a config that is none, and for files without one.
    """
    if config is None:
        if files:
            raise _poll_failed(name, "Load parameter 'config' must be specified for model file override")
        return None
    try:
        return Override(model_config.parse_json(config, name), files)
    except ModelLoadFailed as error:
        raise _poll_failed(name, f"Invalid config override: {error}") from None


def write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Raises `RepositoryPollFailed` for a name that can't be a file of the model's folder."""
    for name, content in files.items():
        path = PurePosixPath(name)
        if not name or path.is_absolute() or ".." in path.parts or "\0" in name or path == PurePosixPath("."):
            raise RepositoryPollFailed(f"file override '{name[:100]}' is not a path inside the model's folder")
        try:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        except OSError as error:
            raise RepositoryPollFailed(f"file override '{name[:100]}' can't be written: {error.strerror}") from None


def _poll_failed(name: str, reason: str) -> RepositoryPollFailed:
    return RepositoryPollFailed(f"failed to load '{name[:100]}', failed to poll from model repository: {reason}")
