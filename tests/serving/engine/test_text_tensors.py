import json
from typing import Any

import numpy as np
import pytest

from serving.core.generation import SamplingParams
from serving.core.requests import InferRequest
from serving.engine.text_tensors import TextAsked, read
from serving.errors import InvalidInput


def request(text: object = b"once", parameters: dict[str, Any] | None = None, **inputs: object) -> InferRequest:
    given = {"text_input": np.array([text], object)}
    for name, value in inputs.items():
        given[name] = np.array([value], bool if isinstance(value, bool) else object)
    return InferRequest("m", given, parameters=parameters or {})


def test_text_alone_is_enough() -> None:
    assert read(request()) == TextAsked("once", SamplingParams())
    assert read(request("été".encode())).text == "été"


def test_options_come_as_parameters_or_as_json_in_a_tensor() -> None:
    wanted = SamplingParams(max_tokens=7, temperature=0.5, top_k=3, seed=9, ignore_eos=True, stop=("a", "b"))
    options = {"max_tokens": 7, "temperature": "0.5", "top_k": 3, "seed": 9, "ignore_eos": True, "stop": ["a", "b"]}
    assert read(request(sampling_parameters=json.dumps(options).encode())).sampling == wanted
    flat = {**options, "stop": "a"}
    assert read(request(parameters=flat)).sampling.stop == ("a",)
    assert read(request(parameters={"what_others_read": 1})).sampling == SamplingParams()


def test_what_was_not_said_is_told_apart_from_what_is_the_default() -> None:
    said = read(request(parameters={"temperature": 1.0}, sampling_parameters=b'{"max_tokens": 5}')).sampling
    assert said.unsaid == {"top_k", "top_p", "min_p", "repetition_penalty"}


def test_a_whole_answer_begins_with_the_text_and_a_stream_does_not() -> None:
    assert not read(request()).exclude_input
    assert read(request(exclude_input_in_output=True)).exclude_input
    assert read(request(parameters={"stream": True})) == TextAsked("once", SamplingParams(), True, True)
    with pytest.raises(InvalidInput, match="exclude_input_in_output must be true with stream"):
        read(request(stream=True, exclude_input_in_output=False))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (request(b"\xff"), "text_input must be UTF-8 text"),
        (InferRequest("m", {}), "text_input must be one element, got nothing"),
        (InferRequest("m", {"text_input": np.array([b"a", b"b"], object)}), "one element, got 2 elements"),
        (request(sampling_parameters=b"{"), "sampling_parameters must be a JSON object"),
        (request(sampling_parameters=b"[1]"), "sampling_parameters must be a JSON object, got"),
        (request(parameters={"max_tokens": 1.5}), "max_tokens must be a whole number, got 1.5"),
        (request(parameters={"max_tokens": True}), "max_tokens must be a whole number, got"),
        (request(parameters={"temperature": "warm"}), "temperature must be a number, got"),
        (request(parameters={"ignore_eos": 1}), "ignore_eos must be true or false, got 1"),
        (request(parameters={"stream": "yes"}), "stream must be true or false"),
        (request(sampling_parameters=b'{"stop": [1]}'), "stop must be a text or a list of texts"),
        (request(sampling_parameters=b'{"stop_token_ids": ["1"]}'), "stop_token_ids must be a list of token ids"),
    ],
)
def test_what_can_not_be_meant_is_named(given: InferRequest, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(given)
