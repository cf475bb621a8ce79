"""JSON bodies of people's and OpenAI's routes, headers, and events. Rule: what is refused is an `InvalidInput`; what is
written can be read again by a reader that is not the server's.
"""

import json
from contextlib import suppress
from math import isfinite

import numpy as np

from serving.core import columns
from serving.core.generation import FinishReason, Grammar, GrammarKind
from serving.core.requests import TensorSpec
from serving.core.text_output import CompletionOutput, TokenLogprob, TopLogprob, Usage
from serving.core.trace_context import trace_context
from serving.errors import InvalidInput
from serving.protocols import (
    classify,
    classify_texts,
    compression,
    detect,
    openai_embeddings,
    openai_images,
    openai_requests,
    openai_transcriptions,
    recommend,
    transcribe,
)
from serving.protocols.openai_chunks import ChatChunks, CompletionChunks
from serving.protocols.openai_replies import ReplyHead
from serving.protocols.timeout_text import seconds_of
from serving.sampling.grammar_text import llguidance_text
from serving.sampling.validate import check
from serving.transports.http.tensor_request import target_of

_SCORES = TensorSpec("scores", "FP32", (-1, 2))
_TABLE = (columns.number("age"), columns.category("colour", ["red", "blue"]))
_EXAMPLES = (
    classify.Example("m", TensorSpec("image", "FP32", (-1, 1, 4, 4)), _SCORES, 8),
    classify.Example("m", TensorSpec("row", "FP32", (-1, 2)), _SCORES, 8, _TABLE),
    classify.Example("m", TensorSpec("x", "INT8", (4,)), _SCORES, 0),
)
_DETECTOR = detect.detector(
    "m",
    [TensorSpec("image", "FP32", (-1, 1, 8, 8))],
    [TensorSpec(name, "FP32", (-1, 2)) for name in ("boxes", "scores", "classes")],
    8,
)
_CATALOGUE = recommend.Catalogue("m", {"tea": 0, "coffee": 1}, 2, 8)
_LISTENER = transcribe.Listener("m", 16_000, 30.0, 4)
_KINDS = tuple(GrammarKind)


def openai_completion(data: bytes) -> None:
    with suppress(InvalidInput):
        asked = openai_requests.decode_completion(data)
        assert asked.prompts
        assert not asked.messages
        assert 1 <= asked.n * len(asked.prompts) <= openai_requests.MAX_PROMPTS
        check(asked.sampling, 300, 128, 4)


def openai_chat(data: bytes) -> None:
    with suppress(InvalidInput):
        asked = openai_requests.decode_chat(data)
        assert asked.messages
        assert not asked.prompts
        check(asked.sampling, 300, 128, 4)


def openai_others(data: bytes) -> None:
    """Embeddings, pictures, and a form's fields, one on each line."""
    with suppress(InvalidInput):
        assert openai_embeddings.decode(data).inputs
    with suppress(InvalidInput):
        assert 1 <= openai_images.decode(data).n <= openai_images.MAX_N
    form: dict[str, list[str]] = {}
    for line in data.decode(errors="replace").splitlines():
        name, _, value = line.partition("=")
        form.setdefault(name, []).append(value)
    with suppress(InvalidInput):
        assert openai_transcriptions.decode(form).model


def people(data: bytes) -> None:
    """Bodies of /v1/models/{model}/..., for models of each kind."""
    for example in _EXAMPLES:
        with suppress(InvalidInput):
            found = classify.decode_body(data, example, None)
            if isinstance(found.content, np.ndarray):
                assert found.content.shape[-len(example.shape) :] == example.shape
    with suppress(InvalidInput):
        assert classify_texts.decode(data, None).inputs
    with suppress(InvalidInput):
        assert 0 <= detect.decode_body(data, _DETECTOR, None, None).threshold <= 1
    with suppress(InvalidInput, recommend.UnknownItem):
        assert recommend.decode(data, _CATALOGUE).history.shape[1] == _CATALOGUE.length
    with suppress(InvalidInput):
        transcribe.decode_body(data, _LISTENER)


def grammar(data: bytes) -> None:
    """A byte for its kind, and its text."""
    if data:
        kind = _KINDS[data[0] % len(_KINDS)]
        with suppress(InvalidInput):
            text = llguidance_text(Grammar(kind, data[1:].decode(errors="replace")))
            assert text
            if kind in (GrammarKind.JSON_SCHEMA, GrammarKind.JSON_OBJECT):
                json.loads(text)


def headers(data: bytes) -> None:
    """A head's first line, and lines of headers."""
    first, *lines = data.split(b"\n")
    for line in lines:
        text = line.decode("latin-1")
        assert compression.choose(text) in compression.CODINGS
        seconds = seconds_of(text)
        assert seconds is None or (isfinite(seconds) and seconds > 0)
        context = trace_context(text, text)
        assert context is None or trace_context(context.header()) is not None
    pairs = [(name.lower(), value) for name, _, value in (line.partition(b": ") for line in lines)]
    lengths = [value for name, value in pairs if name == b"content-length"]
    if all(value.isdigit() and len(value) < 20 for value in lengths):  # what the parser lets through
        target = target_of(b"POST", first, pairs, 1000)
        assert target is None or 0 < target.header_length <= target.length <= 1000


def events(data: bytes) -> None:
    """A text as it goes out in a stream, read as the standard says it is."""
    text = data.decode(errors="replace")
    logprobs = (TokenLogprob(text, -0.5, data, (TopLogprob(text, -1.0, data),)),)
    output = CompletionOutput(0, text, (1,), logprobs, FinishReason.STOP, text)
    head = ReplyHead("c", 1, text, return_token_ids=True)
    for written in (CompletionChunks(head).chunk(output, Usage(1, 1)), ChatChunks(head).chunk(output)):
        [event] = read_events(written)
        [choice] = json.loads(event)["choices"]
        assert (choice["text"] if "text" in choice else choice["delta"].get("content", "")) == text
        assert choice["stop_reason"] == text


def read_events(stream: bytes) -> list[bytes]:
    """The data of each event, by the standard: lines end at CR LF, CR or LF, and an empty one ends an event."""
    found, event = [], list[bytes]()
    for line in stream.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n"):
        name, _, value = line.partition(b":")
        if name == b"data":
            event.append(value.removeprefix(b" "))
        elif not line and event:
            found.append(b"\n".join(event))
            event = []
    return found
