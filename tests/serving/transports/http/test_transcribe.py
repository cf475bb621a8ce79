"""Speech over a real socket, to a model that hears how loud it is."""

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests import tiny_models
from tests.recordings import recording
from tests.running_server import RunningServer, running

ABC = recording("ab.|.c")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("listeners")
    tiny_models.add_listener(root)
    tiny_models.add_listener(root, "brief", audio_max_seconds="0.5")
    tiny_models.add_listener(root, "unsure", audio_sample_rate="quick")
    tiny_models.add_double(root)
    with running(root) as server:
        yield server


def transcribe(server: RunningServer, model: str = "listener", **request: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/v1/models/{model}/transcribe", **request)


@pytest.mark.parametrize("kind", ["audio/wav", "application/octet-stream", None])
def test_a_recording_as_the_body_whatever_it_is_called(server: RunningServer, kind: str | None) -> None:
    reply = transcribe(server, content=ABC, headers={"content-type": kind} if kind else {})
    assert (reply.status_code, reply.json()) == (200, {"text": "ab c"})


def test_a_recording_in_a_form(server: RunningServer) -> None:
    assert transcribe(server, files={"file": ("x.wav", ABC, "audio/wav")}).json() == {"text": "ab c"}


@pytest.mark.parametrize(("kind", "rate"), [("FLAC", 44100), ("OGG", 16000), ("MP3", 16000), ("WAV", 48000)])
def test_every_format_and_rate(server: RunningServer, kind: str, rate: int) -> None:
    assert transcribe(server, content=recording("aab.|.cc", rate, kind, channels=2)).json() == {"text": "ab c"}


def test_recordings_in_json_of_any_length(server: RunningServer) -> None:
    texts = [base64.b64encode(recording(letters)).decode() for letters in ("a", "b.|.aaaaaaaaa", "c")]
    assert transcribe(server, json={"inputs": texts[0]}).json() == {"text": "a"}
    assert transcribe(server, json={"inputs": texts}).json() == [{"text": "a"}, {"text": "b a"}, {"text": "c"}]


def test_silence_has_no_text(server: RunningServer) -> None:
    assert transcribe(server, content=recording("....")).json() == {"text": ""}


def test_a_list_is_no_longer_than_a_recording_may_be(server: RunningServer) -> None:
    silence = base64.b64encode(recording("." * 1600, kind="FLAC")).decode()
    assert len(silence) < 20_000
    assert transcribe(server, json={"inputs": [silence]}).json() == [{"text": ""}]
    reply = transcribe(server, json={"inputs": [silence, silence]})
    assert reply.status_code == 400
    assert "longer than 300 s together" in reply.json()["error"]
    short = base64.b64encode(recording("aaaa")).decode()
    assert transcribe(server, "brief", json={"inputs": [short] * 2}).json() == [{"text": "a"}] * 2


def test_a_long_recording_is_heard_to_its_end(server: RunningServer) -> None:
    letters = "ab|" * 900
    assert transcribe(server, content=recording(letters)).json() == {"text": "ab " * 899 + "ab"}


def test_a_rate_that_cant_be_meant_is_told_as_the_model_is_loaded(server: RunningServer) -> None:
    (unsure,) = [each for each in httpx.post(f"{server.url}/v2/repository/index").json() if each["name"] == "unsure"]
    assert unsure["state"] == "UNAVAILABLE"
    assert "parameters.audio.sample_rate must be a number of samples a second, 1 to 192000" in unsure["reason"]


@pytest.mark.parametrize(
    ("request_", "status", "message"),
    [
        ({"content": b""}, 400, "the body is empty"),
        ({"content": b"hello"}, 400, "the recording can't be read; send WAV, FLAC, OGG or MP3"),
        ({"files": {"file": b"hello"}}, 400, "the recording can't be read"),
        ({"files": {"a": (None, "b")}}, 400, "the form has no file; send a recording"),
        ({"files": [("file", ABC), ("file", ABC)]}, 400, "Too many files"),
        ({"json": {"inputs": 7}}, 400, "'inputs' must be a base64 recording"),
        ({"content": ABC, "model": "brief"}, 400, "is 0.6 s long, at most 0.5 s are transcribed"),
        ({"content": ABC, "model": "nope"}, 404, "Request for unknown model: 'nope' is not found"),
        (
            {"content": ABC, "model": "double"},
            400,
            "'double' does not transcribe speech; those that do: brief, listener",
        ),
        ({"content": ABC, "headers": {"X-Request-Timeout-Ms": "soon"}}, 400, "X-Request-Timeout-Ms must be"),
    ],
)
def test_what_is_wrong_is_said(server: RunningServer, request_: dict[str, Any], status: int, message: str) -> None:
    reply = transcribe(server, **request_)
    assert reply.status_code == status
    assert reply.json().keys() == {"error"}
    assert message in reply.json()["error"]
