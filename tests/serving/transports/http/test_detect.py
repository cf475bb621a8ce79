import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.running_server import RunningServer

SPOT = {"label": "spot", "score": 0.75, "box": {"xmin": 4.0, "ymin": 2.0, "xmax": 8.0, "ymax": 5.0}}
OTHER = {"label": "LABEL_7", "score": 0.25, "box": {"xmin": 0.0, "ymin": 2.0, "xmax": 4.0, "ymax": 6.0}}


def picture(size: tuple[int, int] = (16, 16), spot: tuple[int, ...] = (4, 2, 8, 5), mode: str = "L") -> Image.Image:
    paper = Image.new("L", size, 0)
    paper.paste(255, spot)
    return paper.convert(mode)


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def detect(server: RunningServer, model: str = "spot", query: str = "", **request: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/models/{model}/detect{query}", **request)


def box(server: RunningServer, file: bytes) -> list[float]:
    (found,) = detect(server, content=file).json()
    return list(found["box"].values())


@pytest.mark.parametrize(
    "request_",
    [
        {"content": encoded(picture())},
        {"files": {"image": ("x.png", encoded(picture()), "image/png")}},
        {"json": {"inputs": base64.b64encode(encoded(picture())).decode()}},
    ],
    ids=["body", "form", "JSON"],
)
def test_a_picture_however_it_is_sent(tiny_server: RunningServer, request_: dict[str, Any]) -> None:
    reply = detect(tiny_server, **request_)
    assert (reply.status_code, reply.json()) == (200, [SPOT])


def test_threshold_and_top_k_in_query_form_and_document(tiny_server: RunningServer) -> None:
    file = encoded(picture())
    text = base64.b64encode(file).decode()
    assert detect(tiny_server, query="?threshold=0.25", content=file).json() == [SPOT, OTHER]
    assert detect(tiny_server, query="?threshold=0&top_k=1", content=file).json() == [SPOT]
    assert detect(tiny_server, files={"image": file}, data={"threshold": "0.8"}).json() == []
    asked = {"inputs": text, "parameters": {"threshold": 0, "top_k": 2}}
    assert detect(tiny_server, json=asked).json() == [SPOT, OTHER]


def test_several_pictures_of_different_sizes_each_in_its_own_pixels(tiny_server: RunningServer) -> None:
    files = [encoded(picture()), encoded(picture((160, 160), (40, 20, 80, 50))), encoded(picture(spot=(0, 0, 0, 0)))]
    small, large, nothing = detect(
        tiny_server, json={"inputs": [base64.b64encode(file).decode() for file in files]}
    ).json()
    assert small == [SPOT]
    assert list(large[0]["box"].values()) == pytest.approx([40, 20, 80, 50])
    assert nothing == []


def test_the_whole_picture_is_looked_at_and_never_cropped(tiny_server: RunningServer) -> None:
    assert box(tiny_server, encoded(picture((64, 16), (0, 0, 4, 4)))) == pytest.approx([0, 0, 4, 4])
    assert box(tiny_server, encoded(picture((16, 64), (12, 60, 16, 64)))) == pytest.approx([12, 60, 16, 64])


def test_boxes_are_those_of_the_upright_picture_of_its_own_size(tiny_server: RunningServer) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise
    lying = picture((1600, 800), (0, 0, 400, 200))  # read at a fraction of its size
    assert box(tiny_server, encoded(lying, "JPEG")) == pytest.approx([0, 0, 400, 200], abs=1)
    assert box(tiny_server, encoded(lying, "JPEG", exif=exif)) == pytest.approx([600, 0, 800, 400], abs=1)


def test_a_model_of_three_channels(tiny_server: RunningServer) -> None:
    for mode in ("L", "RGB"):
        assert detect(tiny_server, "spot-rgb", content=encoded(picture(mode=mode))).json() == [SPOT]


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"content": b""}, 400, "the body is empty"),
        ({"content": b"hello"}, 400, "not an image"),
        ({"files": {"a": (None, "b")}}, 400, "the form has no file"),
        ({"content": encoded(picture()), "query": "?threshold=x"}, 400, "'threshold' must be a number, got 'x'"),
        ({"content": encoded(picture()), "query": "?threshold=2"}, 400, "'threshold' must be a number from 0 to 1"),
        ({"content": encoded(picture()), "query": "?top_k=0"}, 400, "'top_k' must be an integer >= 1"),
        ({"json": {"inputs": [[0] * 16] * 16}}, 400, "'inputs' must be a base64 image, or a list of them"),
        ({"content": encoded(picture()), "model": "nope"}, 404, "'nope' is not found"),
        ({"content": encoded(picture()), "model": "brightness"}, 400, "Use POST /v1/models/brightness/classify"),
    ],
)
def test_what_is_wrong_is_said(tiny_server: RunningServer, request_: dict[str, Any], status: int, message: str) -> None:
    reply = detect(tiny_server, **request_)
    assert reply.status_code == status
    assert reply.json().keys() == {"error"}
    assert message in reply.json()["error"]


def test_classify_says_where_a_detector_is_asked(tiny_server: RunningServer) -> None:
    reply = httpx.post(f"{tiny_server.url}/v1/models/spot/classify", content=encoded(picture()))
    assert (reply.status_code, reply.json()["error"]) == (
        400,
        "model 'spot' does not classify. Use POST /v1/models/spot/detect",
    )
