"""The page that a training wrote of a version, which lies beside its files.

Rule: read once, with the version, whose hashes were checked then; one that can't be read, or is too large to be kept in
memory, is none.
"""

from pathlib import Path

FILENAME = "report.html"

_LARGEST = 32 << 20  # bytes


def read_report(directory: Path) -> bytes:
    """Of a version's `directory`; nothing where there is none."""
    path = directory / FILENAME
    try:
        return path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else b""
    except OSError:
        return b""
