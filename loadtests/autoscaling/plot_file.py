"""The file that a plot goes to. Rule: what can't be drawn is told before anything is simulated."""

from importlib.util import find_spec
from pathlib import Path

from loadtests import destination

_KINDS = ("svg", "png", "pdf")


class CannotDraw(ValueError):
    """The text says what is missing, or what would do."""


def kind(path: Path) -> str:
    """As which a file of this name is written. Raises `CannotDraw` and `CannotWrite`."""
    found = path.suffix[1:].lower()
    if found not in _KINDS:
        raise CannotDraw(f"--plot {path} has to end in .{', .'.join(_KINDS[:-1])} or .{_KINDS[-1]}")
    if find_spec("matplotlib") is None:
        raise CannotDraw("--plot needs matplotlib: pip install 'slipway-serving[loadtest]'")
    destination.check("--plot", path)
    return found
