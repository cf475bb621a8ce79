import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols import images
from serving.protocols.images import ImageLayout
from serving.protocols.letterbox import letterbox

GREY = ImageLayout(1, 4, 4, False, "FP32")
COLOUR = ImageLayout(3, 4, 4, False, "FP32")


def encoded(picture: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def grey(pixels: object, mode: str = "L") -> Image.Image:
    return Image.fromarray(np.array(pixels, np.uint8)).convert(mode)


def read(data: bytes, layout: ImageLayout = GREY) -> np.ndarray:
    shape = (layout.channels, layout.height, layout.width)
    return images.to_pixels(data, layout, shape)


def test_a_picture_of_the_right_size_keeps_its_pixels() -> None:
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4) * 16
    result = read(encoded(Image.fromarray(pixels)))
    assert result.shape == (1, 4, 4)
    assert result.dtype == np.float32
    assert result[0].tolist() == pixels.tolist()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_colour_mode_shows_the_same_grey(mode: str) -> None:
    half = np.zeros((4, 4), np.uint8)
    half[:, 2:] = 255
    if mode == "I;16":
        data = encoded(Image.fromarray(half.astype(np.uint16) * 257))
    else:
        data = encoded(grey(half, mode), "JPEG" if mode == "CMYK" else "PNG")
    np.testing.assert_allclose(read(data)[0], half, atol=3)


def test_shrinking_averages_areas_so_that_thin_strokes_stay() -> None:
    pixels = np.zeros((400, 400), np.uint8)
    pixels[:, 110:120] = 255  # a stroke of a tenth of a target pixel
    np.testing.assert_allclose(read(encoded(Image.fromarray(pixels)))[0, 0], [0, 25.5, 0, 0], atol=1)


def test_growing_interpolates() -> None:
    result = read(encoded(grey([[0, 200], [0, 200]])))[0]
    assert result[0, 0] == 0
    assert result[0, 3] == 200
    assert 0 < result[0, 1] < result[0, 2] < 200


@pytest.mark.parametrize("wide", [True, False])
def test_other_proportions_are_cropped_around_the_centre_and_never_stretched(wide: bool) -> None:
    pixels = np.full((8, 40), 200, np.uint8)
    pixels[:, 16:24] = 0
    pixels[:, 18:22] = 100
    result = read(encoded(Image.fromarray(pixels if wide else pixels.T.copy())))[0]
    assert (result if wide else result.T).tolist() == [[0, 100, 100, 0]] * 4


@pytest.mark.parametrize("wide", [True, False])
def test_a_whole_picture_is_shown_with_grey_beside_it(wide: bool) -> None:
    pixels = np.kron([[10, 20, 30, 40]] * 2, np.ones((8, 8))).astype(np.uint8)
    data = encoded(Image.fromarray(pixels if wide else pixels.T.copy()))
    row, place = images.letterboxed(data, GREY, (1, 4, 4))
    beside, inside = [images.FILL] * 4, [10, 20, 30, 40]
    assert (row[0] if wide else row[0].T).tolist() == [beside, inside, inside, beside]
    assert place == (letterbox((32, 16), (4, 4)) if wide else letterbox((16, 32), (4, 4)))


def test_a_whole_picture_of_the_right_size_keeps_its_pixels() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    row, place = images.letterboxed(encoded(Image.fromarray(pixels)), COLOUR, (3, 4, 4))
    assert row.tolist() == pixels.transpose(2, 0, 1).tolist()
    assert place == letterbox((4, 4), (4, 4))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_whole_pictures_size_is_its_own_upright_however_it_is_read(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = encoded(Image.new("L", (1001, 1002), 50), "JPEG", exif=exif)
    _, place = images.letterboxed(photo, GREY, (1, 4, 4))
    assert place.picture == ((1001, 1002) if orientation < 5 else (1002, 1001))


def test_a_photo_is_turned_upright() -> None:
    pixels = np.zeros((4, 4), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    assert read(encoded(Image.fromarray(pixels), exif=exif))[0, 3].tolist() == [255] * 4


@pytest.mark.parametrize("block", [b"II*\0\x08\0\0\0\xff\xff", b"not a TIFF file", b"MM\0*"])
def test_a_damaged_exif_block_costs_nothing_but_the_turn(block: bytes) -> None:
    assert read(encoded(grey([[9] * 4] * 4), exif=b"Exif\0\0" + block))[0].tolist() == [[9] * 4] * 4


@pytest.mark.parametrize(
    ("kind", "mode"),
    [*(("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")), ("JPEG", "L"), ("JPEG", "RGB")],
)
def test_a_large_picture_becomes_what_a_small_one_does(kind: str, mode: str) -> None:
    quarters = np.kron([[0, 255], [255, 0]], np.ones((600, 600)))
    picture = Image.fromarray(quarters.astype(np.uint16) * 257) if mode == "I;16" else grey(quarters, mode)
    expected = np.kron([[0, 255], [255, 0]], np.ones((2, 2)))
    np.testing.assert_allclose(read(encoded(picture, kind))[0], expected, atol=3)


def test_a_picture_of_one_line_is_read() -> None:
    for size in ((1, 5000), (5000, 1)):
        assert (read(encoded(Image.new("L", size, 50))) == 50).all()


def test_what_is_transparent_shows_white_paper() -> None:
    picture = Image.new("RGBA", (4, 4), (0, 0, 0, 0))
    picture.putpixel((1, 1), (0, 0, 0, 255))
    result = read(encoded(picture))[0]
    assert result[0, 0] == 255
    assert result[1, 1] == 0


def test_colours_are_planes_or_last_as_the_model_has_them() -> None:
    picture = Image.new("RGB", (4, 4), (10, 20, 30))
    assert read(encoded(picture), COLOUR)[:, 0, 0].tolist() == [10, 20, 30]
    last = images.to_pixels(encoded(picture), ImageLayout(3, 4, 4, True, "UINT8"), (4, 4, 3))
    assert last[0, 0].tolist() == [10, 20, 30]
    assert last.dtype == np.uint8


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_the_usual_formats_are_read(kind: str) -> None:
    np.testing.assert_allclose(read(encoded(Image.new("L", (9, 9), 120), kind)), 120, atol=2)


@pytest.mark.parametrize("data", [b"", b"hello", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff\xe0"])
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"not an image that can be read; send one of PNG, JPEG|damaged"):
        read(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_a_truncated_picture_is_refused(kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    with pytest.raises(InvalidInput):
        read(data[: len(data) // 2])


def test_a_small_file_that_unpacks_to_gigabytes_is_refused_unread() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 9000, 9000, 8, 0, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    with pytest.raises(InvalidInput, match="9000x9000 pixels, at most 40000000"):
        read(bomb)


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((1, 8, 8), ImageLayout(1, 8, 8, False, "FP32")),
        ((3, 224, 200), ImageLayout(3, 224, 200, False, "FP32")),
        ((224, 200, 3), ImageLayout(3, 224, 200, True, "FP32")),
        ((28, 28), ImageLayout(1, 28, 28, False, "FP32")),
        ((30,), None),
        ((4, 8, 8), None),
        ((3, -1, -1), None),
    ],
)
def test_layouts_are_told_from_shapes(shape: tuple[int, ...], layout: ImageLayout | None) -> None:
    assert images.layout_of(TensorSpec("x", "FP32", (-1, *shape)), max_batch_size=4) == layout
    assert images.layout_of(TensorSpec("x", "FP32", shape), max_batch_size=0) == layout


def test_inputs_that_are_no_numbers_0_to_255_are_no_images() -> None:
    for datatype in ("BOOL", "BYTES", "INT8"):
        assert images.layout_of(TensorSpec("x", datatype, (8, 8)), max_batch_size=0) is None
