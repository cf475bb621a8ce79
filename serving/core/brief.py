"""A caller's value in the words of an error. Rule: constant work, however large the value is."""

from collections.abc import Iterable, Sized

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


def what_it_has(names: Iterable[str]) -> str:
    """`; it has model.onnx, notes.txt`: the first of a folder's files, "" where there are none."""
    found = sorted(names)
    more = ", ..." if len(found) > _MOST_NAMES else ""
    return f"; it has {', '.join(found[:_MOST_NAMES])}{more}" if found else ""
