"""An encoded picture becomes the pixels that a model takes, the way a person would expect.

Rule: upright, in proportion, and cropped around its centre, as networks for pictures are commonly trained. Pixel values
stay 0..255; what the network needs beyond that is inside its graph.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from serving.core.datatypes import dtype_of
from serving.core.requests import TensorSpec
from serving.errors import InvalidInput

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 40_000_000
"""A picture may be a few hundred bytes and unpack to gigabytes, so its size is read before its pixels."""

_SPARE = 4  # how many times larger than needed a picture stays until its last resize
_MODES = {1: "L", 3: "RGB"}
_PAPER = (255, 255, 255)


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """What one row of an image input looks like."""

    channels: int
    height: int
    width: int
    channels_last: bool
    datatype: str


def layout_of(spec: TensorSpec, max_batch_size: int) -> ImageLayout | None:
    """[C,H,W], [H,W,C] or [H,W] with C of 1 or 3 and fixed sizes; None for an input that is not an image."""
    match spec.shape[1:] if max_batch_size else spec.shape:
        case (1 | 3 as channels, height, width):
            layout = ImageLayout(channels, height, width, False, spec.datatype)
        case (height, width, 1 | 3 as channels):
            layout = ImageLayout(channels, height, width, True, spec.datatype)
        case (height, width):
            layout = ImageLayout(1, height, width, False, spec.datatype)
        case _:
            return None
    numeric = dtype_of(spec.datatype).kind in "iuf" and spec.datatype != "INT8"
    return layout if numeric and min(layout.height, layout.width) > 0 else None


def to_pixels(data: bytes, layout: ImageLayout, shape: tuple[int, ...]) -> np.ndarray:
    """One row of the given `shape`, values 0..255. Raises `InvalidInput` for what is no picture or too large a one."""
    return fitted(_open(data, layout.width, layout.height), layout, shape)


def fitted(picture: Image.Image, layout: ImageLayout, shape: tuple[int, ...]) -> np.ndarray:
    """The same of a picture whose pixels were read."""
    mode = _MODES[layout.channels]
    picture = _upright(picture)
    picture = _resize(_as_mode(_shrunk(picture, layout.width, layout.height), mode), layout.width, layout.height)
    pixels = np.asarray(picture)
    if layout.channels == 3 and not layout.channels_last:
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, dtype_of(layout.datatype)).reshape(shape)


def _open(data: bytes, width: int, height: int) -> Image.Image:
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        if picture.width * picture.height > MAX_PIXELS:
            raise InvalidInput(f"the image has {picture.width}x{picture.height} pixels, at most {MAX_PIXELS} are read")
        picture.draft(picture.mode, (_SPARE * width, _SPARE * height))  # JPEG can be read at a fraction of its size
        picture.load()
    except Image.DecompressionBombError:
        raise InvalidInput(f"the image has too many pixels, at most {MAX_PIXELS} are read") from None
    except UnidentifiedImageError:
        raise InvalidInput(f"the body is not an image that can be read; send one of {', '.join(FORMATS)}") from None
    except (OSError, SyntaxError, ValueError) as error:  # Pillow's decoders raise any of these for damaged files
        raise InvalidInput(f"the image is damaged: {error}") from None
    return picture


def _upright(picture: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(picture)
    except Exception:  # a damaged EXIF block raises whatever its parser stumbles over, and the pixels are fine
        return picture


def _shrunk(picture: Image.Image, width: int, height: int) -> Image.Image:
    """A large picture becomes a few times the size it is needed in, before copies of it are made in other modes."""
    factor = min(picture.width // (_SPARE * width), picture.height // (_SPARE * height))
    if factor < 2:
        return picture
    if picture.mode.startswith("I"):
        picture = picture.convert("I")
    elif picture.mode in ("1", "P", "PA"):
        picture = picture.convert("RGBA" if picture.has_transparency_data else "RGB")
    return picture.resize((picture.width // factor, picture.height // factor), Image.Resampling.BOX)


def _as_mode(picture: Image.Image, mode: str) -> Image.Image:
    """Sixteen-bit greys keep their range; what is transparent shows white paper."""
    if picture.mode.startswith("I"):
        grey = np.asarray(picture).astype(np.float32) / 257.0
        return Image.fromarray(grey.clip(0, 255).round().astype(np.uint8)).convert(mode)
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        paper = Image.new("RGBA", picture.size, _PAPER)
        picture = Image.alpha_composite(paper, picture)
    return picture if picture.mode == mode else picture.convert(mode)


def _resize(picture: Image.Image, width: int, height: int) -> Image.Image:
    """The largest centred part of the model's proportions.

    Averages areas when shrinking, so that thin strokes don't vanish; interpolates when growing.
    """
    shrinking = picture.width > width and picture.height > height
    method = Image.Resampling.BOX if shrinking else Image.Resampling.BILINEAR
    return ImageOps.fit(picture, (width, height), method)
