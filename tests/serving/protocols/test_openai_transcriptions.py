import json
from typing import Any

import pytest

from serving.audio.ctc import Heard
from serving.errors import InvalidInput
from serving.protocols import openai_transcriptions as codec
from serving.protocols.openai_transcriptions import TranscriptionRequest
from serving.protocols.transcribe import Transcript

FOUND = Transcript([Heard("a", 1, 2), Heard("b", 3, 4)], 0.8, 0.1)
SILENCE = Transcript([], 0.5, 0.1)


def decoded(**fields: str | list[str]) -> TranscriptionRequest:
    form = {"model": ["heard"], **{name: [each] if isinstance(each, str) else each for name, each in fields.items()}}
    return codec.decode(form)


def test_what_is_not_said_has_defaults() -> None:
    assert decoded() == TranscriptionRequest("heard", "json", ("segment",), "", False)


def test_what_only_steers_openais_models_is_passed_over() -> None:
    given = {"prompt": "Digits:", "temperature": "0.2", "chunking_strategy": "auto", "stream": "false"}
    assert decoded(**given, unknown="?") == decoded()


def test_a_list_may_have_brackets_in_its_name() -> None:
    for name in ("timestamp_granularities", "timestamp_granularities[]"):
        asked = decoded(response_format="verbose_json", **{name: ["word", "segment"]})
        assert asked.granularities == ("word", "segment")


@pytest.mark.parametrize(
    ("fields", "param", "code", "words"),
    [
        ({"model": ""}, "model", "missing_required_parameter", "must have a field 'model'"),
        ({"response_format": "srt"}, "response_format", "unsupported_value", "srt is not there; ask for json, text"),
        ({"response_format": "diarized_json"}, "response_format", "unsupported_value", "diarized_json is not there"),
        ({"response_format": "xml"}, "response_format", "invalid_value", "must be one of json, text, verbose_json"),
        ({"temperature": "hot"}, "temperature", "invalid_type", "must be a number, got 'hot'"),
        ({"temperature": "nan"}, "temperature", "invalid_value", "must be from 0 to 1"),
        ({"temperature": "2"}, "temperature", "invalid_value", "must be from 0 to 1, got '2'"),
        ({"stream": "maybe"}, "stream", "invalid_type", "must be true or false"),
        ({"include[]": "logprobs"}, "include", "unsupported_value", "must be left out"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "invalid_value", "needs 'response_format'"),
        (
            {"timestamp_granularities[]": "letter", "response_format": "verbose_json"},
            "timestamp_granularities",
            "invalid_value",
            "may hold segment and word, got 'letter'",
        ),
    ],
)
def test_what_is_wrong_is_said_with_openais_words(fields: dict[str, Any], param: str, code: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words) as caught:
        decoded(**fields)
    assert (caught.value.param, caught.value.code) == (param, code)


def test_answers() -> None:
    assert codec.encode(FOUND, decoded(response_format="text")) == b"a b"
    usage = {"type": "duration", "seconds": 0.8}
    assert json.loads(codec.encode(FOUND, decoded())) == {"text": "a b", "usage": usage}


def test_verbose_answers_have_times() -> None:
    asked = decoded(response_format="verbose_json", language="en", timestamp_granularities=["word", "segment"])
    document = json.loads(codec.encode(FOUND, asked))
    assert (document["text"], document["duration"], document["language"]) == ("a b", 0.8, "en")
    assert document["words"] == [{"word": "a", "start": 0.1, "end": 0.2}, {"word": "b", "start": 0.3, "end": 0.4}]
    (segment,) = document["segments"]
    assert (segment["start"], segment["end"], segment["text"], segment["avg_logprob"]) == (0.1, 0.4, "a b", None)


def test_silence_has_no_segments() -> None:
    document = json.loads(codec.encode(SILENCE, decoded(response_format="verbose_json")))
    assert (document["text"], document["segments"]) == ("", [])
    assert "words" not in document


def test_a_stream_has_the_text_in_one_piece() -> None:
    first, second = codec.events(FOUND).decode().removesuffix("\n\n").split("\n\n")
    assert json.loads(first.removeprefix("data: ")) == {"type": "transcript.text.delta", "delta": "a b"}
    done = json.loads(second.removeprefix("data: "))
    assert (done["type"], done["text"]) == ("transcript.text.done", "a b")
    assert codec.events(SILENCE).count(b"data: ") == 1
