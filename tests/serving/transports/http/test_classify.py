import base64
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from huggingface_hub import InferenceClient
from PIL import Image

from tests.running_server import RunningServer, running
from tests.tiny_models import add_rows

CANARY = """parameters { key: "rollout.strategy" value { string_value: "canary" } }
    parameters { key: "rollout.percent" value { string_value: "99" } } dynamic_batching { }"""
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


def test_hugging_faces_client_is_answered(tiny_server: RunningServer) -> None:
    client = InferenceClient(f"{tiny_server.url}/v1/models/brightness/classify")
    for top_k in (1, None):
        found = client.image_classification(png(), top_k=top_k)
        assert [{"label": each.label, "score": each.score} for each in found] == BRIGHT[:top_k]


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
        ({"content": png(), "query": "?topk=1"}, 400, "unknown parameter 'topk'; did you mean 'top_k'? known: top_k"),
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


@pytest.fixture(scope="module")
def rows_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("tables")
    add_rows(root)
    add_rows(root, "changed", "1 2", CANARY)
    with running(root) as server:
        yield server


def seen(age: float, colour: float) -> list[dict[str, Any]]:
    scores = [{"label": "age", "score": age}, {"label": "colour", "score": colour}]
    return sorted(scores, key=lambda row: -row["score"])


def test_a_row_by_its_columns_names(rows_server: RunningServer) -> None:
    row = {"colour": "blue", "age": 3}
    assert classify(rows_server, "rows", json={"inputs": row}).json() == seen(3, 1)
    several = [row, {"age": None, "colour": "green"}]
    assert classify(rows_server, "rows", json={"inputs": several}).json() == [seen(3, 1), seen(-5, -1)]
    best = {"inputs": several, "parameters": {"top_k": 1}}
    assert classify(rows_server, "rows", json=best).json() == [seen(3, 1)[:1], seen(-5, -1)[:1]]
    assert classify(rows_server, "rows", json={"inputs": [[3, 1]]}).json() == [seen(3, 1)]


def test_a_row_is_answered_by_the_version_whose_columns_it_was_read_by(rows_server: RunningServer) -> None:
    states = httpx.get(f"{rows_server.url}/v2/models/changed/versions").json()["versions"]
    assert {each["version"]: each["traffic_percent"] for each in states} == {"1": 1, "2": 99}
    answers = [classify(rows_server, "changed", json={"inputs": {"age": 3, "colour": "blue"}}) for _ in range(10)]
    assert [answer.json() for answer in answers] == [seen(3, 1)] * 10


@pytest.mark.parametrize(
    ("model", "inputs", "message"),
    [
        ("rows", {"age": 3}, "inputs has no column 'colour', which is null where it is missing; the columns are age"),
        ("rows", [{"age": 3, "colour": "red"}, {"age": 3, "color": "red"}], "inputs[1] has a column 'color'"),
        ("rows", {"age": "old", "colour": "red"}, "inputs['age'] must be a number, true, false or null, got 'old'"),
        ("rows", [{"age": 3, "colour": "red"}] * 5, "model 'rows' takes 1 to 4 examples at a time, got 5"),
        (
            "rows",
            [1, 2, 3],
            "got lists of [3]; or rows by their columns' names, which are age (number), colour (red, blue)",
        ),
        ("rows", 7, "must be a row by its columns' names"),
        ("rows", "red", "model 'rows' does not take an image"),
        ("brightness", {"age": 3}, "model 'brightness' names no columns: its version's folder has no columns.json"),
    ],
)
def test_what_is_wrong_with_a_row_is_said(
    rows_server: RunningServer, tiny_server: RunningServer, model: str, inputs: Any, message: str
) -> None:
    reply = classify(rows_server if model == "rows" else tiny_server, model, json={"inputs": inputs})
    assert reply.status_code == 400
    assert message in reply.json()["error"]


def test_a_picture_is_no_row(rows_server: RunningServer) -> None:
    told = (
        'Send numbers: {"inputs": [...]}; or rows by their columns\' names, which are age (number), colour (red, blue)'
    )
    assert told in classify(rows_server, "rows", content=png()).json()["error"]
