"""A version's manifest.json, and what it says of a model whose own file does not say what goes in and out.

Rule: of a file that is too large for a manifest, no more is read.
"""

from pathlib import Path

from serving.backends.backend import Specs
from serving.core.manifest import FILENAME, Manifest, decode, tensors
from serving.core.model_config import ModelConfig
from serving.errors import ModelLoadFailed

_LARGEST = 1 << 24  # bytes


def read(directory: Path) -> Manifest | None:
    """None for a version without one. Raises `ModelLoadFailed`."""
    path = directory / FILENAME
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return decode(file.read(_LARGEST))
    except OSError as error:
        raise ModelLoadFailed(f"{FILENAME} can't be read: {error.strerror}") from None


def describe(directory: Path, config: ModelConfig) -> tuple[Specs, Specs]:
    """Raises `ModelLoadFailed` for a version without a manifest, and for one that does not say it."""
    manifest = read(directory)
    if manifest is None:
        missing = " and ".join(kind for kind in ("input", "output") if not getattr(config, kind))
        raise ModelLoadFailed(
            f"config.pbtxt lists no {missing}, a TorchScript file does not say what it is, and version "
            f"{directory.name} has no {FILENAME} that does; add input and output {{ name data_type dims }} blocks"
        )
    return tensors(manifest, "inputs"), tensors(manifest, "outputs")
