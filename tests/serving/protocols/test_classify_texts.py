import json
from typing import Any

import pytest

from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols.classify_texts import TextsRequest, decode, scores_output

STATES = TensorSpec("states", "FP32", (-1, -1, 8))
EMBEDDING = TensorSpec("embedding", "FP32", (-1, 8))
SCORES = TensorSpec("probabilities", "FP32", (-1, 3))
CLASS = TensorSpec("class", "INT64", (-1, 1))


def decoded(inputs: Any, query: int | None = None, **parameters: Any) -> TextsRequest:
    return decode(json.dumps({"inputs": inputs, "parameters": parameters}).encode(), query)


@pytest.mark.parametrize(
    ("inputs", "texts", "batched"),
    [
        ("a text", ("a text",), False),
        ("", ("",), False),
        (["a text"], ("a text",), True),
        (["one", "two"], ("one", "two"), True),
        ([1, 2], ((1, 2),), False),
        ([[1, 2], "three"], ((1, 2), "three"), True),
    ],
)
def test_a_text_or_its_tokens_or_several(inputs: Any, texts: tuple[Any, ...], batched: bool) -> None:
    assert decoded(inputs) == TextsRequest(texts, batched)


def test_how_many_labels_and_tokens_are_parameters() -> None:
    assert decoded("x", 4) == TextsRequest(("x",), False, top_k=4)
    assert decoded("x", 4, top_k=2, truncate_prompt_tokens=-1) == TextsRequest(("x",), False, 2, -1)
    assert decode(b'{"inputs": "x", "parameters": null}', None) == TextsRequest(("x",), False)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "the body is empty; send JSON such as"),
        (b"a text", "failed to parse the request JSON"),
        (b'["a text"]', "must be an object with a member 'inputs'"),
        (b'{"input": "a text"}', "must be an object with a member 'inputs'"),
        (b'{"inputs": []}', "'inputs' must not be an empty list"),
        (b'{"inputs": {"text": "x"}}', "'inputs' must be a string, a list of strings"),
        (b'{"inputs": ["x", 1.5]}', r"'inputs\[1\]' must be a string"),
        (b'{"inputs": "x", "parameters": []}', "'parameters' must be an object"),
        (b'{"inputs": "x", "parameters": {"top_k": 0}}', r"'parameters.top_k' must be from 1"),
        (b'{"inputs": "x", "parameters": {"truncate": 9}}', "unknown parameter 'truncate'; did you mean 'truncate_p"),
        (b'{"inputs": "x", "parameters": {"truncate_prompt_tokens": -2}}', "'parameters.truncate_prompt_tokens'"),
    ],
)
def test_what_is_wrong_is_named(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        decode(body, None)


def test_the_output_with_labels_is_taken_or_else_one_number_for_each_class() -> None:
    assert scores_output("m", [STATES, EMBEDDING, SCORES], {"probabilities": ("a", "b", "c")}) == "probabilities"
    assert scores_output("m", [STATES, CLASS, SCORES], {}) == "probabilities"
    assert scores_output("m", [EMBEDDING], {"embedding": ("a",)}) == "embedding"


@pytest.mark.parametrize(
    ("outputs", "route"), [([EMBEDDING], "/v1/embeddings"), ([STATES, CLASS], "/v2/models/m/infer")]
)
def test_without_scores_another_route_is_named(outputs: list[TensorSpec], route: str) -> None:
    with pytest.raises(InvalidInput, match=f"no output with one score per class. Use POST {route}"):
        scores_output("m", outputs, {})
