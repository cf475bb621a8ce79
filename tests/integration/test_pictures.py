"""The people's endpoint with real digits: whatever way round, size and colour a picture of one comes."""

import io
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image, ImageOps

from tests.running_server import RunningServer, running
from training.data import digits

SEVEN = Path(__file__).parents[2] / "docs" / "images" / "seven.png"


@pytest.fixture(scope="module")
def server(repository: Path) -> Iterator[RunningServer]:
    with running(repository) as server:
        yield server


def best(server: RunningServer, picture: Image.Image, kind: str = "PNG") -> str:
    buffer = io.BytesIO()
    picture.save(buffer, kind)
    reply = httpx.post(f"{server.url}/v1/models/digits-cnn/classify", content=buffer.getvalue())
    assert reply.status_code == 200, reply.text
    return str(reply.json()[0]["label"])


@pytest.mark.parametrize(
    "change",
    [
        lambda picture: picture,
        ImageOps.invert,
        lambda picture: picture.resize((8, 8), Image.Resampling.BOX),
        lambda picture: picture.resize((1000, 1000)),
        lambda picture: picture.convert("RGB"),
        lambda picture: picture.convert("P"),
        lambda picture: picture.convert("1"),
        lambda picture: ImageOps.colorize(picture, "navy", "beige"),
        lambda picture: ImageOps.expand(picture, border=(60, 0), fill=255),
        lambda picture: Image.merge("LA", [Image.new("L", picture.size, 0), ImageOps.invert(picture)]),
    ],
    ids=[
        "as it is",
        "white on black",
        "8x8",
        "1000x1000",
        "RGB",
        "palette",
        "1 bit",
        "blue ink",
        "wide",
        "transparent",
    ],
)
def test_a_seven_is_a_seven(server: RunningServer, change: object) -> None:
    with Image.open(SEVEN) as picture:
        assert best(server, change(picture.convert("L"))) == "7"  # type: ignore[operator]


def test_a_photo_format_will_do(server: RunningServer) -> None:
    with Image.open(SEVEN) as picture:
        assert best(server, picture.convert("RGB"), "JPEG") == "7"


def test_held_out_digits_as_pictures_are_as_right_as_in_training(server: RunningServer) -> None:
    test = digits.load().test
    right = 0
    for pixels, label in zip(test.features[:100].numpy(), test.labels[:100].tolist(), strict=True):
        paper = (255 - pixels[0]).round().astype(np.uint8)
        right += best(server, Image.fromarray(np.kron(paper, np.ones((20, 20), np.uint8)))) == str(label)
    assert right >= 97
