"""Speech to text: recordings in, `{"text": ...}` out, and what a model has to have for that.

The request is that of hosted inference APIs: `{"inputs": ...}`, or a recording as the body itself. Rule: one recording
gives one answer, a list of them a list.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.audio import ctc
from serving.core import model_parameters
from serving.core.brief import brief
from serving.core.model_config import ModelConfig
from serving.core.requests import Arrays, TensorSpec
from serving.errors import InvalidInput
from serving.protocols import json_text

AUDIO, LENGTH, TOKENS = "audio", "audio_length", "tokens"
RATE, LONGEST = "audio.sample_rate", "audio.max_seconds"
"""Parameters of config.pbtxt."""

MAX_SECONDS = 300.0
"""Unless the model's config says more or less."""

_MOST_SECONDS, _MOST_SAMPLES = 24 * 3600, 192_000  # of a recording; of a second
_STEP = 0.5  # seconds; rows are filled up to a multiple, so that many of them run together
_BEFORE_JSON = b"\xef\xbb\xbf \t\r\n"  # a byte order mark and white space


@dataclass(frozen=True, slots=True)
class Listener:
    """What a model that transcribes takes: `sample_rate` samples a second, for at most so many seconds."""

    model_name: str
    sample_rate: int
    max_seconds: float
    max_batch_size: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """`classes` int64 [frames], evenly spread over `filled` seconds, of which the recording has `seconds`."""

    classes: np.ndarray
    labels: Sequence[str]
    seconds: float
    filled: float

    @property
    def text(self) -> str:
        return ctc.text(self.classes, self.labels)

    def words(self) -> list[tuple[str, float, float]]:
        """With the second in which each begins and ends."""
        frame = self.filled / len(self.classes) if len(self.classes) else 0.0
        return [
            (heard.word, heard.begin * frame, min(heard.end * frame, self.seconds))
            for heard in ctc.words(self.classes, self.labels)
        ]


@dataclass(frozen=True, slots=True)
class TranscribeRequest:
    """`batched` tells whether the caller sent a list."""

    recordings: list[bytes]
    batched: bool


def transcribes(inputs: Mapping[str, TensorSpec], outputs: Mapping[str, TensorSpec], labels: Mapping[str, Any]) -> bool:
    """By the names and shapes of a model's tensors."""
    audio, length, tokens = inputs.get(AUDIO), inputs.get(LENGTH), outputs.get(TOKENS)
    return (
        len(inputs) == 2
        and (audio and audio.datatype, audio and audio.shape) == ("FP32", (-1, -1))
        and (length and length.datatype, length and length.shape) == ("INT64", (-1, 1))
        and (tokens and tokens.datatype, tokens and tokens.shape) == ("INT64", (-1, -1))
        and TOKENS in labels
    )


def listener(model_name: str, config: ModelConfig) -> Listener:
    """Of a model that `transcribes`. Raises `ModelLoadFailed` for parameters that can't be meant."""
    rate = model_parameters.whole_number(config, RATE, _MOST_SAMPLES, "a number of samples a second")
    if not rate:
        raise InvalidInput(
            f"model '{model_name}' does not say how many samples a second it hears; its config.pbtxt lacks "
            f'parameters {{ key: "{RATE}" value {{ string_value: "16000" }} }}'
        )
    longest = model_parameters.number(config, LONGEST, _MOST_SECONDS, "a number of seconds")
    return Listener(model_name, rate, longest or MAX_SECONDS, int(config.max_batch_size))


def decode_body(body: bytes, model: Listener) -> TranscribeRequest:
    """A JSON document, or else a recording."""
    if not body:
        raise InvalidInput('the body is empty; send a recording, or JSON such as {"inputs": "<base64>"}')
    if body.lstrip(_BEFORE_JSON)[:1] in (b"{", b"["):
        return _decode_json(body, model)
    return TranscribeRequest([body], False)


def inputs_for(samples: np.ndarray, model: Listener) -> Arrays:
    """One row, filled up with silence behind its end."""
    step = max(1, round(_STEP * model.sample_rate))
    audio = np.zeros((1, -(-len(samples) // step) * step), np.float32)
    audio[0, : len(samples)] = samples
    return {AUDIO: audio, LENGTH: np.array([[len(samples)]], np.int64)}


def transcript(inputs: Arrays, tokens: np.ndarray, labels: Sequence[str], model: Listener) -> Transcript:
    """`tokens` is the model's output for `inputs_for`, int64 [1, frames]."""
    seconds = int(inputs[LENGTH][0, 0]) / model.sample_rate
    return Transcript(tokens[0], labels, seconds, inputs[AUDIO].shape[1] / model.sample_rate)


def encode(transcripts: Sequence[Transcript], batched: bool) -> dict[str, str] | list[dict[str, str]]:
    rows = [{"text": transcript.text} for transcript in transcripts]
    return rows if batched else rows[0]


def _decode_json(body: bytes, model: Listener) -> TranscribeRequest:
    document = json_text.loads(body)
    if type(document) is not dict or "inputs" not in document:
        raise InvalidInput("the JSON body must be an object with a member 'inputs': a base64 recording, or several")
    inputs = document["inputs"]
    if type(inputs) is str:
        return TranscribeRequest([_base64(inputs)], False)
    if type(inputs) is not list or not all(type(each) is str for each in inputs):
        raise InvalidInput(f"'inputs' must be a base64 recording or a list of such, got {brief(inputs)}")
    limit = model.max_batch_size or 1
    if not 1 <= len(inputs) <= limit:
        raise InvalidInput(f"model '{model.model_name}' takes 1 to {limit} recordings at a time, got {len(inputs)}")
    return TranscribeRequest([_base64(each) for each in inputs], True)


def _base64(text: str) -> bytes:
    """Plain base64, or a data URL as browsers make them."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("'inputs' is a text, so it should be a base64-encoded recording; it is not base64") from None
