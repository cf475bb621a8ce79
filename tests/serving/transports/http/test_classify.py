import base64
import io
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.running_server import RunningServer

BRIGHT = [{"label": "bright", "score": pytest.approx(0.8)}, {"label": "dark", "score": pytest.approx(0.2)}]


def png(value: int = 204, size: tuple[int, int] = (40, 40)) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, value).save(buffer, "PNG")
    return buffer.getvalue()


def classify(server: RunningServer, model: str = "brightness", query: str = "", **request: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/models/{model}/classify{query}", **request)


def test_a_picture_in_a_form(tiny_server: RunningServer) -> None:
    reply = classify(tiny_server, files={"image": ("x.png", png(), "image/png")})
    assert (reply.status_code, reply.json()) == (200, BRIGHT)


@pytest.mark.parametrize("kind", ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", None])
def test_a_picture_as_the_body_whatever_it_is_called(tiny_server: RunningServer, kind: str | None) -> None:
    reply = classify(tiny_server, content=png(), headers={"content-type": kind} if kind else {})
    assert reply.json() == BRIGHT


def test_a_picture_in_json(tiny_server: RunningServer) -> None:
    assert classify(tiny_server, json={"inputs": base64.b64encode(png()).decode()}).json() == BRIGHT


def test_numbers_in_json(tiny_server: RunningServer) -> None:
    assert classify(tiny_server, json={"inputs": [[204] * 4] * 4}).json() == BRIGHT
    assert classify(tiny_server, json={"inputs": [[[[204] * 4] * 4]] * 2}).json() == [BRIGHT, BRIGHT]


def test_top_k_in_query_form_and_document(tiny_server: RunningServer) -> None:
    best = BRIGHT[:1]
    assert classify(tiny_server, query="?top_k=1", content=png()).json() == best
    assert classify(tiny_server, files={"image": png()}, data={"top_k": "1"}).json() == best
    assert classify(tiny_server, json={"inputs": [204] * 16, "parameters": {"top_k": 1}}).json() == best


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"content": b""}, 400, "the body is empty"),
        ({"content": b"hello"}, 400, "not an image"),
        ({"files": {"image": b"hello"}}, 400, "not an image"),
        ({"files": {"image": b""}}, 400, "the body is empty"),
        ({"data": {"a": "b"}}, 400, "not an image"),
        ({"files": {"a": (None, "b")}}, 400, "the form has no file"),
        ({"files": [("image", png()), ("image", png())]}, 400, "Too many files"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        ({"content": b"--x", "headers": {"content-type": "multipart/form-data; boundary=y"}}, 400, ""),
        ({"content": png(), "query": "?top_k=none"}, 400, "'top_k' must be an integer >= 1, got 'none'"),
        ({"content": png(), "query": "?top_k=0"}, 400, "'top_k' must be an integer >= 1"),
        ({"json": {"inputs": [1, 2, 3]}}, 400, "must be one example of shape [1,4,4]"),
        ({"content": png(), "model": "nope"}, 404, "Request for unknown model: 'nope' is not found"),
        ({"content": png(), "model": "simple"}, 400, "has 2 inputs; classify works with one"),
        ({"content": png(), "model": "double"}, 400, "does not take an image"),
    ],
)
def test_what_is_wrong_is_said(tiny_server: RunningServer, request_: dict[str, Any], status: int, message: str) -> None:
    reply = classify(tiny_server, **request_)
    assert reply.status_code == status
    assert reply.json().keys() == {"error"}
    assert message in reply.json()["error"]
