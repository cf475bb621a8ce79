"""The name that was probably meant by one that there is not. Rule: capitals and underscores make no difference."""

from collections.abc import Iterable
from difflib import get_close_matches

from serving.core.brief import what_it_has

_SIMILAR = 0.5
_LONGEST = 100  # characters of a name that are compared


def nearest(name: str, known: Iterable[str], similar: float = _SIMILAR) -> str:
    """The one of `known` that is most like `name`; "" where none is `similar`, from 0 to 1."""
    by_letters = {_letters(each): each for each in known}
    found = get_close_matches(_letters(name[:_LONGEST]), by_letters, n=1, cutoff=similar)
    return by_letters[found[0]] if found else ""


def did_you_mean(name: str, known: Iterable[str], prefix: str = "") -> str:
    """What an error about `name` ends with: the nearest of `known`, or all of them, each after its `prefix`."""
    known = list(known)
    found = nearest(name, known)
    return f"; did you mean {prefix}{found}?" if found else f"; known are {', '.join(prefix + it for it in known)}"


def instead(name: str, there: Iterable[str]) -> str:
    """The same for names that may be many, such as models': the nearest, or the first few."""
    there = list(there)
    found = nearest(name, there)
    return f"; did you mean {found}?" if found else what_it_has(there) or "; it has none"


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
