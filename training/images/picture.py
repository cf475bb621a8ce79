"""A row of pixels as a picture that a person can look at, and send."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from training.enlarged import enlarged, png
from training.kind import Example

_WIDTH = 160  # pixels that a small picture is enlarged to
_WHITE = 255


def drawn(row: np.ndarray, facts: Mapping[str, Any]) -> Example:
    """`row` [channels, side, side], 0..255, as a PNG, grey or in colours; ink as dark on light paper, either of which
    the model takes."""
    pixels = (_WHITE - row if facts["is_ink"] and _is_dark(row) else row).round().astype(np.uint8)
    return Example("example.png", png(enlarged(pixels, _WIDTH)))


def _is_dark(row: np.ndarray) -> bool:
    return float(row.mean()) < _WHITE / 2
