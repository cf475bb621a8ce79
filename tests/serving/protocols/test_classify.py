import base64
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image

from serving.core.requests import TensorSpec
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import classify
from serving.protocols.classify import ClassifyRequest, Example

IMAGES = Example("digits", TensorSpec("image", "FP32", (-1, 1, 4, 4)), TensorSpec("p", "FP32", (-1, 3)), 8)
NUMBERS = Example("clinic", TensorSpec("features", "FP32", (-1, 3)), TensorSpec("p", "FP32", (-1, 2)), 8)
SINGLE = Example("single", TensorSpec("features", "FP32", (3,)), TensorSpec("p", "FP32", (2,)), 0)
FILES = Example("reader", TensorSpec("file", "BYTES", (-1, 1)), TensorSpec("p", "FP32", (-1, 2)), 8)
FILE = Example("reader", TensorSpec("file", "BYTES", (1,)), TensorSpec("p", "FP32", (2,)), 0)


def png(value: int = 7) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (4, 4), value).save(buffer, "PNG")
    return buffer.getvalue()


def text(value: int = 7) -> str:
    return base64.b64encode(png(value)).decode()


def inputs_of(request: ClassifyRequest, example: Example) -> np.ndarray:
    """The model's whole input, pictures decoded."""
    if isinstance(request.content, np.ndarray):
        return request.content
    return classify.stack([classify.to_pixels(picture, example) for picture in request.content], example)


def decode(example: Example, inputs: Any, **members: Any) -> ClassifyRequest:
    return classify.decode_body(json.dumps({"inputs": inputs, **members}).encode(), example, None)


def test_a_picture_is_one_example() -> None:
    request = classify.decode_body(png(), IMAGES, top_k=2)
    assert inputs_of(request, IMAGES).shape == (1, 1, 4, 4)
    assert (inputs_of(request, IMAGES) == 7).all()
    assert (request.batched, request.top_k) == (False, 2)


@pytest.mark.parametrize("prefix", ["", "data:image/png;base64,"])
def test_a_text_is_a_picture(prefix: str) -> None:
    request = decode(IMAGES, prefix + text())
    assert (inputs_of(request, IMAGES) == 7).all()
    assert not request.batched


@pytest.mark.parametrize(("example", "shape"), [(FILES, (1, 1)), (FILE, (1,))])
def test_a_model_that_reads_files_itself_gets_the_body_as_it_is(example: Example, shape: tuple[int, ...]) -> None:
    request = classify.decode_body(b"\x00anything", example, top_k=3)
    inputs = inputs_of(request, example)
    assert (inputs.shape, inputs.ravel().tolist()) == (shape, [b"\x00anything"])
    assert (request.batched, request.top_k) == (False, 3)


def test_a_list_of_texts_is_what_such_a_model_takes_in_json() -> None:
    assert inputs_of(decode(FILES, [["good"], ["bad"]]), FILES).tolist() == [[b"good"], [b"bad"]]


def test_several_texts_are_several_pictures() -> None:
    request = decode(IMAGES, [text(1), text(2)])
    assert inputs_of(request, IMAGES)[:, 0, 0, 0].tolist() == [1, 2]
    assert request.batched


@pytest.mark.parametrize(
    ("inputs", "rows", "batched"),
    [
        ([1, 2, 3], 1, False),
        ([[1, 2, 3]], 1, True),
        ([[1, 2, 3], [4, 5, 6]], 2, True),
    ],
)
def test_numbers_are_one_example_or_several(inputs: Any, rows: int, batched: bool) -> None:
    request = decode(NUMBERS, inputs)
    assert inputs_of(request, NUMBERS).shape == (rows, 3)
    assert request.batched is batched


@pytest.mark.parametrize("inputs", [[[0] * 4] * 4, [[[0] * 4] * 4], [0] * 16])
def test_one_picture_as_numbers_needs_no_channel_and_no_nesting(inputs: Any) -> None:
    request = decode(IMAGES, inputs)
    assert inputs_of(request, IMAGES).shape == (1, 1, 4, 4)
    assert not request.batched


def test_models_without_batches_take_one_example() -> None:
    assert inputs_of(decode(SINGLE, [1, 2, 3]), SINGLE).shape == (3,)
    with pytest.raises(InvalidInput, match="takes 1 to 1 examples at a time, got 2"):
        decode(SINGLE, [[1, 2, 3], [4, 5, 6]])


def test_top_k_of_the_document_wins() -> None:
    body = json.dumps({"inputs": [1, 2, 3], "parameters": {"top_k": 1}}).encode()
    assert classify.decode_body(body, NUMBERS, top_k=4).top_k == 1
    assert decode(NUMBERS, [1, 2, 3]).top_k == classify.DEFAULT_TOP_K


@pytest.mark.parametrize(
    ("example", "body", "reason"),
    [
        (IMAGES, b"", "the body is empty"),
        (IMAGES, b"hello", "not an image"),
        (NUMBERS, png(), r"does not take an image: its input is features FP32 \[-1,3\]"),
        (NUMBERS, b"{", "failed to parse the request JSON"),
        (NUMBERS, b"[1, 2, 3]", "member 'inputs'"),
        (NUMBERS, b'{"input": 1}', "member 'inputs'"),
        (NUMBERS, b'{"inputs": []}', "must be one example of shape \\[3\\].*got lists of \\[0\\]"),
        (NUMBERS, b'{"inputs": [1, 2]}', "must be one example of shape \\[3\\].*got lists of \\[2\\]"),
        (NUMBERS, b'{"inputs": [1, 2, 3, 4]}', "got lists of \\[4\\]"),
        (NUMBERS, b'{"inputs": [[1], [2], [3, 4]]}', "different lengths"),
        (IMAGES, json.dumps({"inputs": [[0] * 8] * 2}).encode(), "shape \\[1,4,4\\].*got lists of \\[2,8\\]"),
        (IMAGES, json.dumps({"inputs": [[[0] * 16] * 4]}).encode(), "got lists of \\[1,4,16\\]"),
        (IMAGES, json.dumps({"inputs": [[]]}).encode(), "got lists of \\[1,0\\]"),
        (IMAGES, json.dumps({"inputs": [text()] * 9}).encode(), "takes 1 to 8 examples at a time, got 9"),
        (NUMBERS, json.dumps({"inputs": [[1, 2, 3]] * 9}).encode(), "takes 1 to 8 examples at a time, got 9"),
        (NUMBERS, b'{"inputs": [1, 2, null]}', "takes a number, got null"),
        (NUMBERS, b'{"inputs": [1, [2], 3]}', "lists and elements are mixed"),
        (NUMBERS, b'{"inputs": [[1], 2, 3]}', "mixes lists and numbers"),
        (NUMBERS, b'{"inputs": [1, NaN, 3]}', "not finite"),
        (NUMBERS, b'{"inputs": [1, 1e300, 3]}', "not finite"),
        (NUMBERS, b'{"inputs": 5}', "must be a base64 image, or a list of numbers, got 5"),
        (NUMBERS, b'{"inputs": null}', "must be a base64 image, or a list of numbers"),
        (NUMBERS, b'{"inputs": [1, 2, 3], "parameters": []}', "'parameters' must be an object"),
        (NUMBERS, b'{"inputs": [1, 2, 3], "parameters": {"top_k": 0}}', "'top_k' must be an integer >= 1"),
        (NUMBERS, b'{"inputs": [1, 2, 3], "parameters": {"top_k": "2"}}', "'top_k'"),
        (IMAGES, b'{"inputs": "***"}', "it is not base64"),
        (FILES, b'{"inputs": "good"}', "send a file as the body itself, or texts as a list"),
        (NUMBERS, b'{"inputs": "***"}', "does not take an image"),
        (NUMBERS, b'{"inputs": ["***"]}', "does not take an image"),
        (IMAGES, b'{"inputs": "aGVsbG8="}', "not an image"),
        (IMAGES, b'{"inputs": ["aGVsbG8=", 1]}', "mixes"),
    ],
)
def test_what_is_wrong_is_said(example: Example, body: bytes, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason):
        inputs_of(classify.decode_body(body, example, None), example)


def test_scores_are_ranked_and_labelled() -> None:
    request = ClassifyRequest(np.zeros((1, 3)), batched=False, top_k=2)
    scores = np.float32([[0.25, 0.5, 0.25]])
    assert classify.encode_scores(scores, request, ["a", "b", "c"]) == [
        {"label": "b", "score": 0.5},
        {"label": "a", "score": 0.25},
    ]
    assert classify.encode_scores(scores[0], request, [])[0] == {"label": "LABEL_1", "score": 0.5}


def test_scores_that_are_no_numbers_are_the_models_failure() -> None:
    with pytest.raises(BackendFailed, match="not finite"):
        classify.encode_scores(np.float32([[np.nan, 1]]), ClassifyRequest(np.zeros((1, 3)), False, 1), [])


def test_several_examples_get_several_lists() -> None:
    request = ClassifyRequest(np.zeros((2, 3)), batched=True, top_k=1)
    scores = np.float32([[1, 0], [0, 1]])
    assert classify.encode_scores(scores, request, ["a", "b"]) == [
        [{"label": "a", "score": 1.0}],
        [{"label": "b", "score": 1.0}],
    ]


def test_the_output_with_labels_holds_the_scores() -> None:
    x, y, z = TensorSpec("x", "FP32", (-1, 3)), TensorSpec("y", "FP32", (-1, 3)), TensorSpec("z", "FP32", (-1, 3))
    assert classify.classifier("m", [x], [y, z], {"z": ()}, 8).scores == z
    assert classify.classifier("m", [x], [y, z], {}, 8).scores == y


@pytest.mark.parametrize(
    ("inputs", "outputs", "reason"),
    [
        ([NUMBERS.input] * 2, [NUMBERS.scores], "has 2 inputs; classify works with one"),
        ([TensorSpec("input_ids", "INT64", (-1, -1))], [NUMBERS.scores], "has no tokenizer.json"),
        ([NUMBERS.input], [TensorSpec("n", "INT64", (-1, 3))], "no output with one score per class"),
        ([NUMBERS.input], [TensorSpec("n", "FP32", (-1, 3, 3))], "no output with one score per class"),
    ],
)
def test_models_that_are_no_classifiers_are_told_apart(
    inputs: list[TensorSpec], outputs: list[TensorSpec], reason: str
) -> None:
    with pytest.raises(InvalidInput, match=reason):
        classify.classifier("m", inputs, outputs, {}, 8)
