"""Which file of a folder a name stands for. Rule: neither a name nor a link leads out of the folder."""

from pathlib import Path


def inside(folder: Path, name: str) -> Path | None:
    """Where `name` leads, itself and by links; None where that is outside of `folder`.

    Raises OSError, RuntimeError (a loop of links) and ValueError (a NUL) for what is no file's name.
    """
    root = folder.resolve()
    path = (root / name).resolve()
    return path if path.is_relative_to(root) else None
