"""Forms and answers of /v1/audio/transcriptions.

Source: the types of the package openai. Rule: what only steers a model of OpenAI's, such as `prompt`, is passed over;
what would make another answer than was asked for is refused by name.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from serving.core.brief import brief
from serving.errors import InvalidInput, Unsupported
from serving.protocols import json_text, sse
from serving.protocols.openai_fields import wrong_type, wrong_value
from serving.protocols.transcribe import Transcript

FORMATS = ("json", "text", "verbose_json")
GRANULARITIES = ("segment", "word")

_NOT_THERE = ("srt", "vtt", "diarized_json")
_SWITCH = {"true": True, "1": True, "false": False, "0": False, "": False}

Form = Mapping[str, Sequence[str]]
"""The texts of each field; a list's name ends in `[]` or not."""


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    model: str
    response_format: str = "json"
    granularities: tuple[str, ...] = ("segment",)
    language: str = ""
    stream: bool = False


def decode(form: Form) -> TranscriptionRequest:
    """Raises `InvalidInput`."""
    model = _text(form, "model")
    if not model:
        raise InvalidInput("the form must have a field 'model'", "model", "missing_required_parameter")
    if _all(form, "include"):
        raise Unsupported("'include' must be left out, no log-probabilities are told", "include", "unsupported_value")
    _check_temperature(_text(form, "temperature"))
    response_format = _format(_text(form, "response_format"))
    return TranscriptionRequest(
        model,
        response_format,
        _granularities(_all(form, "timestamp_granularities"), response_format),
        _text(form, "language"),
        _is_stream(_text(form, "stream")),
    )


def encode(found: Transcript, asked: TranscriptionRequest) -> bytes:
    """A text for `text`, JSON for the others."""
    if asked.response_format == "text":
        return found.text.encode()
    return json_text.dumps(_verbose(found, asked) if asked.response_format == "verbose_json" else _plain(found))


def events(found: Transcript) -> bytes:
    """Of a stream: the text comes in one piece, as the whole recording is heard at once."""
    done = {"type": "transcript.text.done", **_plain(found)}
    delta = {"type": "transcript.text.delta", "delta": found.text}
    return b"".join(sse.event(json_text.dumps(event)) for event in ([delta] if found.text else []) + [done])


def _plain(found: Transcript) -> dict[str, Any]:
    return {"text": found.text, "usage": {"type": "duration", "seconds": round(found.seconds, 3)}}


def _verbose(found: Transcript, asked: TranscriptionRequest) -> dict[str, Any]:
    document = {"task": "transcribe", "language": asked.language, "duration": found.seconds, **_plain(found)}
    words = [{"word": word, "start": round(start, 3), "end": round(end, 3)} for word, start, end in found.words()]
    if "word" in asked.granularities:
        document["words"] = words
    if "segment" in asked.granularities:
        document["segments"] = [_segment(found.text, words)] if words else []
    return document


def _segment(text: str, words: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All of it. What is not known of a model of any kind is null."""
    unknown = ("avg_logprob", "compression_ratio", "no_speech_prob")
    times = {"start": words[0]["start"], "end": words[-1]["end"]}
    return {"id": 0, "seek": 0, **times, "text": text, "tokens": [], "temperature": 0.0, **dict.fromkeys(unknown)}


def _format(given: str) -> str:
    if given in _NOT_THERE:
        words = f"'response_format' {given} is not there; ask for {', '.join(FORMATS)}"
        raise Unsupported(words, "response_format", "unsupported_value")
    if given and given not in FORMATS:
        words = f"'response_format' must be one of {', '.join(FORMATS)}, got {brief(given)}"
        raise wrong_value("response_format", words)
    return given or FORMATS[0]


def _granularities(given: Sequence[str], response_format: str) -> tuple[str, ...]:
    name = "timestamp_granularities"
    for each in given:
        if each not in GRANULARITIES:
            raise wrong_value(name, f"'{name}' may hold {' and '.join(GRANULARITIES)}, got {brief(each)}")
    if given and response_format != "verbose_json":
        raise wrong_value(name, f"'{name}' needs 'response_format' verbose_json, got {response_format}")
    return tuple(given) or ("segment",)


def _check_temperature(given: str) -> None:
    """Nothing is drawn, so that it has no effect."""
    try:
        is_number = 0 <= float(given or 0) <= 1
    except ValueError:
        raise wrong_type("temperature", "a number", given) from None
    if not is_number:
        raise wrong_value("temperature", f"'temperature' must be from 0 to 1, got {brief(given)}")


def _is_stream(given: str) -> bool:
    if given.lower() not in _SWITCH:
        raise wrong_type("stream", "true or false", given)
    return _SWITCH[given.lower()]


def _text(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "")


def _all(form: Form, name: str) -> list[str]:
    return [*form.get(name, ()), *form.get(f"{name}[]", ())]
