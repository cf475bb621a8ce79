"""A picture with what a model looked at laid over it.

Rule: red speaks for the answer, blue against it, as strongly as the strongest pixel of that picture.
"""

import numpy as np

from training.enlarged import enlarged, png

_WIDTH = 160  # pixels that a small picture is enlarged to


def overlaid(pixels: np.ndarray, weights: np.ndarray) -> bytes:
    """`pixels` [1 or 3, height, width], 0..255, and `weights` of each, as a PNG."""
    paper = np.broadcast_to(pixels.mean(axis=0), (3, *pixels.shape[1:])) * 0.6 + 50
    heat = weights.sum(axis=0)
    share = np.abs(heat) / max(float(np.abs(heat).max()), 1e-12)
    colour = np.where(heat >= 0, np.array([[[220.0]], [[40.0]], [[40.0]]]), np.array([[[40.0]], [[90.0]], [[220.0]]]))
    mixed = paper * (1 - share) + colour * share
    return png(enlarged(mixed.round().astype(np.uint8), _WIDTH))
