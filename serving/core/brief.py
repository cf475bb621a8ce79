"""A caller's value, or what code raised, in the words of an error. Rule: constant work, however large the value is."""

from collections.abc import Iterable, Sized
from pathlib import Path

_LONGEST = 80  # characters
_MOST_NAMES = 5


def brief(value: object) -> str:
    """`'text'`, `7`, `a list of 3`; long ones are cut."""
    match value:
        case str():
            return repr(value[:_LONGEST])
        case bool() | float() | None:
            return repr(value)
        case int():
            return repr(value) if value.bit_length() < 256 else f"an integer of {value.bit_length()} bits"
        case list() | tuple():
            return f"a list of {len(value)}"
        case dict():
            return f"an object of {len(value)}"
        case Sized():
            return f"a {type(value).__name__} of {len(value)}"
        case _:
            return f"a {type(value).__name__}"


def writable(text: str) -> str:
    """Without the halves of surrogate pairs, which a file's name may have and no protocol can carry."""
    return text.encode(errors="replace").decode()


def words_of(error: BaseException) -> str:
    """Without the folders that Python puts into an operating system's error, or a failed import's; a file is named."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror + (f": {Path(str(error.filename)).name}" if error.filename else "")
    if isinstance(error, ImportError) and error.path:
        return str(error).removesuffix(f" ({error.path})")
    return str(error)


def what_it_has(names: Iterable[str]) -> str:
    """`; it has model.onnx, notes.txt`: the first of a folder's files, "" where there are none."""
    found = sorted(names)
    more = ", ..." if len(found) > _MOST_NAMES else ""
    return f"; it has {', '.join(found[:_MOST_NAMES])}{more}" if found else ""
