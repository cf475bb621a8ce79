"""Files that a result is written to. Rule: that one can't be written is told before a load begins."""

from pathlib import Path


class CannotWrite(ValueError):
    """The text names the option, the file and the reason."""


def check(option: str, path: Path | None) -> None:
    """Raises `CannotWrite`. What is there stays."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        raise _told(option, path, error) from None


def save(option: str, path: Path, content: bytes) -> None:
    """Raises `CannotWrite`."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise _told(option, path, error) from None


def _told(option: str, path: Path, error: OSError) -> CannotWrite:
    return CannotWrite(f"{option} {path} can't be written ({error.strerror}): give another file")
