"""What a training published of a version for people, beside its files: a page, a card, and an example to ask it with.

Rule: read once, with the version, whose hashes were checked then; what can't be read, lies outside its folder, or is
too large to be kept in memory, is none.
"""

from dataclasses import dataclass
from pathlib import Path

from serving.engine.inside import inside

REPORT, CARD = "report.html", "model_card.md"
EXAMPLES = ("example.png", "example.json", "example.wav")

_LARGEST_REPORT, _LARGEST = 32 << 20, 1 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Published:
    """Empty where there is none. `example` is a body for the route that the model is asked on; `example_name` is its
    file's, which tells what it is."""

    report: bytes = b""
    card: bytes = b""
    example: bytes = b""
    example_name: str = ""


NOTHING_PUBLISHED = Published()


def read_published(directory: Path) -> Published:
    """Of a version's `directory`."""
    found = ((name, _read(directory, name)) for name in EXAMPLES)
    name, example = next(((name, content) for name, content in found if content), ("", b""))
    return Published(_read(directory, REPORT, _LARGEST_REPORT), _read(directory, CARD), example, name)


def _read(directory: Path, name: str, largest: int = _LARGEST) -> bytes:
    """Callers are given it, so that a link is not to lead to another file of the machine."""
    try:
        path = inside(directory, name)
        return path.read_bytes() if path and path.is_file() and path.stat().st_size <= largest else b""
    except (OSError, RuntimeError):  # a loop of links
        return b""
