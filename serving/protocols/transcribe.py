"""Speech to text: recordings in, `{"text": ...}` out, and what a model has to have for that.

The request is that of hosted inference APIs: `{"inputs": ...}`, or a recording as the body itself. Rule: one recording
gives one answer, a list of them a list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.audio import ctc
from serving.audio.ctc import Heard
from serving.core.brief import brief
from serving.core.model_config import ModelConfig
from serving.core.requests import Arrays, TensorSpec
from serving.core.speech_config import RATE, speech_config
from serving.errors import InvalidInput
from serving.protocols import hosted_json

AUDIO, LENGTH, TOKENS = "audio", "audio_length", "tokens"
MAX_SECONDS = 300.0
"""Of a recording, unless the model's config says more or less; of all of a request, unless one may have more."""

FRAME_BYTES = 100
"""How many bytes are looked at in the time that a frame becomes text, or a word an answer."""

_STEP = 0.5  # seconds; rows are filled up to a multiple, so that many of them run together
_FILE = "a recording"


@dataclass(frozen=True, slots=True)
class Listener:
    """What a model that transcribes takes: `sample_rate` samples a second, for at most so many seconds."""

    model_name: str
    sample_rate: int
    max_seconds: float
    max_batch_size: int

    @property
    def together(self) -> float:
        """Seconds of all recordings of a request: a list costs no more memory than a long recording."""
        return max(self.max_seconds, MAX_SECONDS)


@dataclass(frozen=True, slots=True)
class Transcript:
    """What was heard in so many `seconds`, of which a `frame` has some."""

    heard: Sequence[Heard]
    seconds: float
    frame: float

    @property
    def text(self) -> str:
        return " ".join(each.word for each in self.heard)

    def words(self) -> list[tuple[str, float, float]]:
        """With the second in which each begins and ends."""
        return [(each.word, each.begin * self.frame, min(each.end * self.frame, self.seconds)) for each in self.heard]


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
    """Of a model that `transcribes`."""
    speech = speech_config(config)
    if not speech.sample_rate:
        raise InvalidInput(
            f"model '{model_name}' does not say how many samples a second it hears; its config.pbtxt lacks "
            f'parameters {{ key: "{RATE}" value {{ string_value: "16000" }} }}'
        )
    return Listener(model_name, speech.sample_rate, speech.max_seconds or MAX_SECONDS, int(config.max_batch_size))


def decode_body(body: bytes, model: Listener) -> TranscribeRequest:
    """A JSON document, or else a recording."""
    return _decode_json(body, model) if hosted_json.is_json(body, _FILE) else TranscribeRequest([body], False)


def inputs_for(samples: np.ndarray, model: Listener) -> Arrays:
    """One row, filled up with silence behind its end."""
    step = max(1, round(_STEP * model.sample_rate))
    audio = np.zeros((1, -(-len(samples) // step) * step), np.float32)
    audio[0, : len(samples)] = samples
    return {AUDIO: audio, LENGTH: np.array([[len(samples)]], np.int64)}


def transcript(inputs: Arrays, tokens: np.ndarray, labels: Sequence[str], model: Listener) -> Transcript:
    """`tokens` is the model's output for `inputs_for`, int64 [1, frames], which are evenly spread over all samples.
    Takes up to a second for a long recording."""
    seconds, filled = (samples / model.sample_rate for samples in (int(inputs[LENGTH][0, 0]), inputs[AUDIO].shape[1]))
    return Transcript(ctc.words(tokens[0], labels), seconds, filled / max(1, tokens.shape[1]))


def encode(transcripts: Sequence[Transcript], batched: bool) -> dict[str, str] | list[dict[str, str]]:
    rows = [{"text": transcript.text} for transcript in transcripts]
    return rows if batched else rows[0]


def _decode_json(body: bytes, model: Listener) -> TranscribeRequest:
    inputs, _ = hosted_json.decode(body, "a base64 recording, or a list of them", ())
    if type(inputs) is str:
        return TranscribeRequest([hosted_json.file(inputs, _FILE)], False)
    if type(inputs) is not list or not all(type(each) is str for each in inputs):
        raise InvalidInput(f"'inputs' must be a base64 recording, or a list of them, got {brief(inputs)}")
    hosted_json.check_count(len(inputs), model.model_name, model.max_batch_size, "recordings")
    return TranscribeRequest([hosted_json.file(each, _FILE) for each in inputs], True)
