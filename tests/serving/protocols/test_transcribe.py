import base64
import json
from typing import Any

import numpy as np
import pytest
from google.protobuf import text_format

from serving.audio.ctc import Heard
from serving.core.model_config import ModelConfig
from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols import transcribe as codec
from serving.protocols.transcribe import Listener, TranscribeRequest, Transcript

LISTENER = Listener("heard", 8000, 300.0, 4)
INPUTS = {"audio": TensorSpec("audio", "FP32", (-1, -1)), "audio_length": TensorSpec("audio_length", "INT64", (-1, 1))}
OUTPUTS = {"tokens": TensorSpec("tokens", "INT64", (-1, -1))}
LABELS = {"tokens": ("<blank>", "|", "a")}


def config(**parameters: str) -> ModelConfig:
    texts = [
        f'parameters {{ key: "audio.{key}" value {{ string_value: "{each}" }} }}' for key, each in parameters.items()
    ]
    return text_format.Parse(" ".join(texts) + " max_batch_size: 4", ModelConfig())


def test_models_that_transcribe_are_known_by_their_tensors() -> None:
    assert codec.transcribes(INPUTS, OUTPUTS, LABELS)
    assert not codec.transcribes(INPUTS, OUTPUTS, {})
    assert not codec.transcribes({"audio": INPUTS["audio"]}, OUTPUTS, LABELS)
    assert not codec.transcribes(INPUTS, {"tokens": TensorSpec("tokens", "INT64", (-1, 1))}, LABELS)
    assert not codec.transcribes({**INPUTS, "audio": TensorSpec("audio", "FP32", (-1, 8000))}, OUTPUTS, LABELS)


def test_the_config_says_how_a_model_hears() -> None:
    assert codec.listener("heard", config(sample_rate="8000")) == LISTENER
    assert codec.listener("heard", config(sample_rate="8000", max_seconds="2.5")).max_seconds == 2.5
    assert [codec.Listener("heard", 8000, most, 4).together for most in (2.5, 300.0, 900.0)] == [300.0, 300.0, 900.0]
    with pytest.raises(InvalidInput, match=r'lacks parameters \{ key: "audio.sample_rate"'):
        codec.listener("heard", config())


@pytest.mark.parametrize(("samples", "filled"), [(1, 4000), (4000, 4000), (4001, 8000)])
def test_rows_are_filled_up_to_half_seconds(samples: int, filled: int) -> None:
    inputs = codec.inputs_for(np.ones(samples, np.float32), LISTENER)
    assert (inputs["audio"].shape, inputs["audio"].dtype, inputs["audio"].sum()) == ((1, filled), np.float32, samples)
    np.testing.assert_array_equal(inputs["audio_length"], [[samples]])


def test_words_have_seconds_within_the_recording() -> None:
    inputs = codec.inputs_for(np.ones(4400, np.float32), LISTENER)
    found = codec.transcript(inputs, np.array([[0, 2, 1, 2, 2, 2, 2, 2, 0, 0]]), LABELS["tokens"], LISTENER)
    assert found.text == "a a"
    assert found.words() == [("a", pytest.approx(0.1), pytest.approx(0.2)), ("a", pytest.approx(0.3), 0.55)]


def test_bodies() -> None:
    assert codec.decode_body(b"RIFF", LISTENER) == TranscribeRequest([b"RIFF"], False)
    encoded = base64.b64encode(b"RIFF").decode()
    for text in (encoded, f"data:audio/wav;base64,{encoded}"):
        assert codec.decode_body(json.dumps({"inputs": text}).encode(), LISTENER) == TranscribeRequest([b"RIFF"], False)
    both = json.dumps({"inputs": [encoded, encoded]}).encode()
    assert codec.decode_body(both, LISTENER) == TranscribeRequest([b"RIFF", b"RIFF"], True)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({}, "member 'inputs'"),
        ([], "member 'inputs'"),
        ({"inputs": 7}, "base64 recording, or a list of them, got 7"),
        ({"inputs": ["", 7]}, "base64 recording, or a list of them"),
        ({"inputs": "?"}, "it is not base64"),
        ({"inputs": []}, "takes 1 to 4 recordings at a time, got 0"),
        ({"inputs": [""] * 5}, "takes 1 to 4 recordings at a time, got 5"),
    ],
)
def test_what_is_wrong_is_said(document: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        codec.decode_body(json.dumps(document).encode(), LISTENER)


def test_answers() -> None:
    one = Transcript([Heard("aa", 0, 3)], 1.0, 0.1)
    assert codec.encode([one], batched=False) == {"text": "aa"}
    assert codec.encode([one, one], batched=True) == [{"text": "aa"}, {"text": "aa"}]
