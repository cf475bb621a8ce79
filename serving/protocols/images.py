"""An encoded picture becomes the pixels that a model takes, the way a person would expect.

Rule: upright and in proportion. Pixel values stay 0..255; what the network needs beyond that is inside its graph.
"""

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from serving.core.datatypes import dtype_of
from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols.letterbox import Letterbox, letterbox

FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
MAX_PIXELS = 40_000_000
"""A picture may be a few hundred bytes and unpack to gigabytes, so its size is read before its pixels."""

_SPARE = 4  # how many times larger than needed a picture stays until its last resize
_MODES = {1: "L", 3: "RGB"}
_PAPER = (255, 255, 255)
_SIDEWAYS = (5, 6, 7, 8)  # orientations in EXIF that exchange width and height

FILL = 114
"""The grey beside a picture that is wider or higher than its frame, which is usual for detectors."""


@dataclass(frozen=True, slots=True)
class ImageLayout:
    """What one row of an image input looks like."""

    channels: int
    height: int
    width: int
    channels_last: bool
    datatype: str

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, as Pillow has them."""
        return self.width, self.height


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
    """One row of the given `shape`, values 0..255: the largest centred part of the model's proportions, as classifiers
    are commonly trained. Raises `InvalidInput` for what is no picture or too large a one."""
    picture, _ = _open(data, *layout.size)
    return fitted(picture, layout, shape)


def fitted(picture: Image.Image, layout: ImageLayout, shape: tuple[int, ...]) -> np.ndarray:
    """The same of a picture whose pixels were read."""
    picture, _ = _prepared(picture, picture.size, layout)
    return _row(ImageOps.fit(picture, layout.size, _method(picture.size, layout.size)), layout, shape)


def letterboxed(data: bytes, layout: ImageLayout, shape: tuple[int, ...]) -> tuple[np.ndarray, Letterbox]:
    """The same of the whole picture, with grey beside it or above and below, and where in the row it lies."""
    picture, size = _prepared(*_open(data, *layout.size), layout)
    place = letterbox(size, layout.size)
    frame = Image.new(picture.mode, layout.size, (FILL,) * layout.channels if layout.channels > 1 else FILL)
    frame.paste(picture.resize(place.size, _method(picture.size, place.size)), place.corner)
    return _row(frame, layout, shape), place


def _prepared(picture: Image.Image, size: tuple[int, int], layout: ImageLayout) -> tuple[Image.Image, tuple[int, int]]:
    """Upright, in the model's colours, and at least as large as it is needed; and its own `size`, upright too."""
    picture, size = _upright(picture, size)
    return _as_mode(_shrunk(picture, *layout.size), _MODES[layout.channels]), size


def _row(picture: Image.Image, layout: ImageLayout, shape: tuple[int, ...]) -> np.ndarray:
    pixels = np.asarray(picture)
    if layout.channels == 3 and not layout.channels_last:
        pixels = pixels.transpose(2, 0, 1)
    return np.ascontiguousarray(pixels, dtype_of(layout.datatype)).reshape(shape)


def _open(data: bytes, width: int, height: int) -> tuple[Image.Image, tuple[int, int]]:
    """And the size that its file says, which it may have been read at a fraction of."""
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        size = picture.size
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
    return picture, size


def _upright(picture: Image.Image, size: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]]:
    try:
        is_sideways = picture.getexif().get(ExifTags.Base.Orientation) in _SIDEWAYS
        return ImageOps.exif_transpose(picture), size[::-1] if is_sideways else size
    except Exception:  # a damaged EXIF block raises whatever its parser stumbles over, and the pixels are fine
        return picture, size


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


def _method(size: tuple[int, int], wanted: tuple[int, int]) -> Image.Resampling:
    """Averages areas when shrinking, so that thin strokes don't vanish; interpolates when growing."""
    shrinking = size[0] > wanted[0] and size[1] > wanted[1]
    return Image.Resampling.BOX if shrinking else Image.Resampling.BILINEAR
