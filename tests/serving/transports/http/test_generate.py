"""The generate routes over a real socket, with Triton's own example model."""

import json
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import python_models, tiny_models
from tests.running_server import RunningServer, running

ASK = {"PROMPT": "hello", "STREAM": True}
HELLO = {"TEXT": "hello", "model_name": "mock_llm", "model_version": "1"}
NOT_ONE = (
    "generate expects model to produce exactly 1 response, use generate stream for model that generates various "
    "number of responses"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("generate")
    python_models.add_mock_llm(root)
    tiny_models.add_double(root)
    with running(root) as server:
        yield server


def post(server: RunningServer, route: str, document: Any, model: str = "mock_llm", **more: Any) -> httpx.Response:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return httpx.post(f"{server.url}/v2/models/{model}/{route}", content=body, timeout=30, **more)


def events(reply: httpx.Response) -> list[Any]:
    *lines, last = reply.text.split("\n\n")
    assert last == "", "an event ends with an empty line"
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def test_flat_json_in_flat_json_out(server: RunningServer) -> None:
    reply = post(server, "generate", {"id": "7", **ASK})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "application/json"
    assert reply.json() == {**HELLO, "id": "7"}
    assert list(reply.json()) == ["TEXT", "id", "model_name", "model_version"]


def test_each_response_is_an_event(server: RunningServer) -> None:
    reply = post(server, "generate_stream", {**ASK, "REPETITION": 3})
    assert reply.status_code == 200
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert events(reply) == [HELLO] * 3


def test_a_stream_of_no_responses_has_no_events(server: RunningServer) -> None:
    reply = post(server, "generate_stream", {**ASK, "REPETITION": 0})
    assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("repetitions", [0, 2])
def test_generate_is_for_one_response(server: RunningServer, repetitions: int) -> None:
    reply = post(server, "generate", {**ASK, "REPETITION": repetitions})
    assert (reply.status_code, reply.json()) == (400, {"error": NOT_ONE})


def test_parameters_may_be_nested_and_an_empty_output_is_a_list(server: RunningServer) -> None:
    reply = post(server, "generate", {**ASK, "parameters": {"OUTPUT_0_DIM": True}})
    assert reply.json()["TEXT"] == []


def test_a_version_may_be_named(server: RunningServer) -> None:
    assert post(server, "versions/1/generate", ASK).json() == HELLO
    assert events(post(server, "versions/1/generate_stream", ASK)) == [HELLO]


def test_models_that_answer_once_do_so_here_too(server: RunningServer) -> None:
    reply = post(server, "generate", {"x": [1, 2, 3, 4]}, model="double")
    assert reply.json() == {"model_name": "double", "model_version": "1", "y": [2, 4, 6, 8]}
    assert events(post(server, "generate_stream", {"x": [1, 2, 3, 4]}, model="double")) == [reply.json()]


@pytest.mark.parametrize("route", ["generate", "generate_stream"])
@pytest.mark.parametrize(
    ("document", "status", "message"),
    [
        (b'{"PROMPT": "a", "PROMPT": "b", "STREAM": true}', 400, "input 'PROMPT' already exists in request"),
        (b"{", 400, "failed to parse the request JSON buffer"),
        ({**ASK, "PROMPT": 1}, 400, "BYTES takes a string, got an integer"),
        ({**ASK, "PARAMS": {}}, 400, "parameter 'PARAMS' has invalid type. It should be either 'int', 'bool', or"),
        ({"PROMPT": "hello"}, 400, "expected 2 inputs but got 1 inputs"),
        ({**ASK, "FAIL_FIRST": True}, 500, "failed before the first response"),
    ],
)
def test_an_error_before_the_first_response_is_an_ordinary_reply(
    server: RunningServer, route: str, document: Any, status: int, message: str
) -> None:
    reply = post(server, route, document)
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/json"
    assert reply.json().keys() == {"error"}
    assert message in reply.json()["error"]


@pytest.mark.parametrize("route", ["generate", "generate_stream"])
def test_unknown_models_and_encodings(server: RunningServer, route: str) -> None:
    assert post(server, route, ASK, model="nope").status_code == 400
    assert post(server, f"versions/2/{route}", ASK).status_code == 404
    reply = post(server, route, b"x", headers={"content-encoding": "gzip"})
    message = "Unsupported content-encoding, only 'identity' is supported."
    assert (reply.status_code, reply.json()) == (400, {"error": message})


def test_an_error_in_the_middle_is_the_last_event(server: RunningServer) -> None:
    reply = post(server, "generate_stream", {**ASK, "REPETITION": 2, "FAIL_LAST": True})
    assert reply.status_code == 200
    first, second, last = events(reply)
    assert [first, second] == [HELLO, HELLO]
    assert last.keys() == {"error"}
    assert "an error on last response" in last["error"]


def test_an_error_after_the_only_response_fails_generate(server: RunningServer) -> None:
    reply = post(server, "generate", {**ASK, "FAIL_LAST": True})
    assert reply.status_code == 500
    assert "an error on last response" in reply.json()["error"]


def test_large_prompts_pass(server: RunningServer) -> None:
    prompt = "slip way " * 100_000
    assert post(server, "generate", {**ASK, "PROMPT": prompt}).json()["TEXT"] == prompt


def test_events_arrive_while_the_model_goes_on_and_hanging_up_ends_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    python_models.add_endless_tokens(tmp_path)
    closed = tmp_path / "endless_tokens" / "1" / "closed"
    with running(tmp_path) as server:
        request = httpx.stream("POST", f"{server.url}/v2/models/endless_tokens/generate_stream", json={"START": 0})
        with request as reply:
            lines = reply.iter_lines()
            for number in range(3):
                assert json.loads(next(lines).removeprefix("data: "))["N"] == number
                assert next(lines) == ""
            assert not closed.exists()
        while not closed.exists():  # as long as the server runs, only a hang-up ends it
            server.wait_for_pending("endless_tokens", 0)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_generate_ends_a_model_that_goes_on_after_its_answer(tmp_path: Path) -> None:
    python_models.add_endless_tokens(tmp_path)
    with running(tmp_path) as server:
        assert post(server, "generate", {"START": 0}, model="endless_tokens").json() == {"error": NOT_ONE}
        while not (tmp_path / "endless_tokens" / "1" / "closed").exists():
            server.wait_for_pending("endless_tokens", 0)


def test_hanging_up_before_the_first_response_frees_the_place_in_the_queue(tmp_path: Path) -> None:
    """One stream at a time, and the first goes on for ever."""
    python_models.add_endless_tokens(tmp_path, concurrency=1)
    path = "/v2/models/endless_tokens/generate_stream"
    with running(tmp_path) as server, httpx.stream("POST", server.url + path, json={"START": 0}) as first:
        lines = first.iter_lines()  # which hangs up when nobody holds it
        next(lines)
        with socket.create_connection(("127.0.0.1", server.http_port)) as second:
            second.sendall(f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n".encode() + b'{"START":0}')
            server.wait_for_pending("endless_tokens", 1)
        server.wait_for_pending("endless_tokens", 0)


def test_streams_run_side_by_side(tmp_path: Path) -> None:
    python_models.add_barrier(tmp_path, parties=3)
    with running(tmp_path) as server, ThreadPoolExecutor(3) as pool:
        replies = list(pool.map(lambda _: post(server, "generate_stream", {"x": 0}, model="barrier"), range(3)))
    assert sorted(events(reply)[0]["place"] for reply in replies) == [0, 1, 2]


def test_the_routes_are_documented(server: RunningServer) -> None:
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    for route in ("generate", "generate_stream"):
        operation = paths[f"/v2/models/{{model}}/versions/{{version}}/{route}"]["post"]
        assert [parameter["name"] for parameter in operation["parameters"]] == [
            "model",
            "version",
            "X-Request-Timeout-Ms",
        ]
        assert "application/json" in operation["requestBody"]["content"]
    assert list(operation["responses"]["200"]["content"]) == ["text/event-stream"]
