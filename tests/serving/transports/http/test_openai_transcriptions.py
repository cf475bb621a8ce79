"""Speech over a real socket, asked by the official client."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests import tiny_models
from tests.recordings import recording
from tests.running_server import RunningServer, running

FILE = ("digits.wav", recording("ab.|.c"))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("openai_listeners")
    tiny_models.add_listener(root)
    tiny_models.add_double(root)
    with running(root) as server:
        yield server


@pytest.fixture(scope="module")
def client(server: RunningServer) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server.url}/v1", api_key="none", max_retries=0, timeout=30) as client:
        yield client


def test_json_is_the_default(client: openai.OpenAI) -> None:
    found = client.audio.transcriptions.create(model="listener", file=FILE)
    assert found.text == "ab c"
    usage: Any = found.usage
    assert (usage.type, usage.seconds) == ("duration", 0.6)


def test_a_text_is_the_text(client: openai.OpenAI) -> None:
    found: Any = client.audio.transcriptions.create(model="listener", file=FILE, response_format="text")
    assert found == "ab c"


def test_verbose_json_has_words_and_segments(client: openai.OpenAI) -> None:
    found = client.audio.transcriptions.create(
        model="listener",
        file=FILE,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="letters",
        temperature=0,
    )
    assert (found.text, found.language) == ("ab c", "en")
    assert found.duration == pytest.approx(0.6)
    assert found.words is not None
    assert found.segments is not None
    assert [(each.word, each.start, each.end) for each in found.words] == [("ab", 0.0, 0.2), ("c", 0.5, 0.6)]
    assert [(each.text, each.start, each.end) for each in found.segments] == [("ab c", 0.0, 0.6)]


def test_a_stream(client: openai.OpenAI) -> None:
    events = list(client.audio.transcriptions.create(model="listener", file=FILE, stream=True))
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]
    last: Any = events[-1]
    assert last.text == "ab c"


def test_models_that_transcribe_are_listed(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["listener"]
    assert client.models.retrieve("listener").id == "listener"


@pytest.mark.parametrize(
    ("request_", "error", "param", "words"),
    [
        ({"model": "nope"}, openai.NotFoundError, "model", "'nope' is not found"),
        (
            {"model": "double"},
            openai.BadRequestError,
            "model",
            "'double' does not transcribe speech; those that do: listener",
        ),
        ({"response_format": "vtt"}, openai.BadRequestError, "response_format", "vtt is not there"),
        ({"include": ["logprobs"]}, openai.BadRequestError, "include", "must be left out"),
        ({"file": ("x.wav", b"hello")}, openai.BadRequestError, None, "send WAV, FLAC, OGG or MP3"),
    ],
)
def test_what_is_wrong_is_said(
    client: openai.OpenAI, request_: dict[str, Any], error: type[openai.APIStatusError], param: str, words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        client.audio.transcriptions.create(**{"model": "listener", "file": FILE, **request_})
    body: Any = caught.value.body
    assert body["param"] == param


def test_a_form_that_can_not_be_read_is_told_as_openais_clients_read_it(server: RunningServer) -> None:
    headers = {"content-type": "multipart/form-data; boundary=y"}
    reply = httpx.post(f"{server.url}/v1/audio/transcriptions", content=b"--x", headers=headers)

    assert reply.status_code == 400
    assert reply.json()["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"json": {"model": "listener"}}, "send a form with a file and a model"),
        ({"data": {"model": "listener"}, "files": {"other": b"x"}}, "must have a field 'file'"),
        ({"files": {"file": b"x"}}, "must have a field 'model'"),
    ],
)
def test_what_the_client_would_never_send(server: RunningServer, request_: dict[str, Any], words: str) -> None:
    reply = httpx.post(f"{server.url}/v1/audio/transcriptions", **request_)
    assert reply.status_code == 400
    assert words in reply.json()["error"]["message"]
