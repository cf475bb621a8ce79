"""The name that was probably meant by one that there is not. Rule: capitals and underscores make no difference."""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice

from serving.core.brief import what_it_has

_SIMILAR = 0.5
_LONGEST = 100  # characters of a name that are compared
_COMPARED = 2000  # names
_END = 3  # characters


def nearest(name: str, known: Iterable[str], similar: float = _SIMILAR) -> str:
    """The one of `known` that is most like `name`; "" where none is `similar`, from 0 to 1."""
    by_letters = {_letters(each): each for each in known}
    wanted = _letters(name[:_LONGEST])
    found = get_close_matches(wanted, _beside(wanted, by_letters), n=1, cutoff=similar)
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


def _beside(wanted: str, letters: Collection[str]) -> Collection[str]:
    """All, or of many those that begin most like it and some that end so: others wait meanwhile."""
    if len(letters) <= _COMPARED:
        return letters
    ordered, few = sorted(letters), _COMPARED // 4
    place = bisect_left(ordered, wanted)
    ending = (each for each in ordered if each.endswith(wanted[-_END:]))
    return {*ordered[max(0, place - few) : place + few], *islice(ending, 2 * few)}


def _letters(name: str) -> str:
    return name.replace("_", "").lower()
