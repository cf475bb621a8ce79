"""Pictures in a terminal, without colours. Rule: small ones only, which it has the columns for."""

from collections.abc import Iterable, Sequence

import numpy as np

_WIDEST = 100  # columns
_BANDS = 2  # of pictures, one below the other
_SHADES = " ░▒▓█"
_EACH = 2  # characters of a pixel, which are twice as high as wide


def side_by_side(pictures: Sequence[np.ndarray]) -> Iterable[str]:
    """As many of them as there is room for, each [channels, height, width] in 0..255; a line for each row of pixels,
    and an empty one below."""
    count = _WIDEST // (_EACH * (pictures[0].shape[2] + 1))
    for first in range(0, min(len(pictures), _BANDS * count), max(count, 1)):
        for rows in zip(*map(_lines, pictures[first : first + count]), strict=True):
            yield (" " * _EACH).join(rows).rstrip()
        yield ""


def _lines(picture: np.ndarray) -> list[str]:
    shades = np.rint(picture.mean(axis=0).clip(0, 255) / 255 * (len(_SHADES) - 1)).astype(int)
    return ["".join(_SHADES[shade] * _EACH for shade in row) for row in shades.tolist()]
