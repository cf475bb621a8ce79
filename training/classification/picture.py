"""A row of pixels as a picture that a person can look at, and send."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from PIL import Image

from training.kind import Example

_WIDTH = 160  # pixels that a small picture is enlarged to


def drawn(row: np.ndarray, _: Mapping[str, Any]) -> Example:
    """`row` [1, side, side], 0..255, light ink on dark, as a grey PNG of dark ink on white paper."""
    paper = (255 - row[0]).round().astype(np.uint8)
    scale = max(1, _WIDTH // paper.shape[1])
    buffer = io.BytesIO()
    Image.fromarray(np.kron(paper, np.ones((scale, scale), dtype=np.uint8))).save(buffer, format="PNG")
    return Example("example.png", buffer.getvalue())
