"""Small pictures as a person can look at them. Rule: each pixel becomes a square of the same colour."""

import io

import numpy as np
from PIL import Image


def enlarged(pixels: np.ndarray, at_least: int) -> Image.Image:
    """Of uint8 [1 or 3, height, width]; not narrower than `at_least` pixels, but for what does not fit whole."""
    scale = max(1, at_least // pixels.shape[-1])
    large = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    return Image.fromarray(large[0] if len(large) == 1 else np.ascontiguousarray(large.transpose(1, 2, 0)))


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()
