"""The people's endpoint: a picture, numbers or a table's row in, `[{"label", "score"}, ...]` out, best first.

The request and response are those of hosted inference APIs: `{"inputs": ..., "parameters": {"top_k": 5}}`, or a
picture as the body itself. Rule: one example gives one list, a list of examples gives a list of lists.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Protocol

import numpy as np

from serving.core.brief import brief
from serving.core.columns import FILENAME, Column, described
from serving.core.requests import TensorSpec, format_shape
from serving.errors import BackendFailed, InvalidInput
from serving.protocols import hosted_json, images, json_tensor, table_rows
from serving.protocols.images import ImageLayout
from serving.protocols.people_routes import CLASSIFY, route

DEFAULT_TOP_K = 5
PARAMETERS = (hosted_json.TOP_K,)

_FILE = "an image"


@dataclass(frozen=True, slots=True)
class Example:
    """What a classifier takes: its one input, with `columns` if it is a table's row, and which output has scores."""

    model_name: str
    input: TensorSpec
    scores: TensorSpec
    max_batch_size: int
    columns: tuple[Column, ...] = ()

    @property
    def takes_files(self) -> bool:
        """Whether the model reads a picture's file itself, or whatever else the body is."""
        return self.input.datatype == "BYTES" and self.shape == (1,)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one example, without the batch dimension."""
        return self.input.shape[1:] if self.max_batch_size else self.input.shape


class Asked(Protocol):
    @property
    def batched(self) -> bool:
        """Whether the caller sent a list of examples."""

    @property
    def top_k(self) -> int: ...


@dataclass(frozen=True, slots=True)
class ClassifyRequest:
    """`content` is encoded pictures or other files, for `to_pixels` and `stack`, or the model's whole input."""

    content: list[bytes] | np.ndarray
    batched: bool
    top_k: int


def classifier(
    model_name: str,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    labels: Mapping[str, object],
    max_batch_size: int,
    columns: tuple[Column, ...] = (),
) -> Example:
    """Raises `InvalidInput` when the model does not have one input and an output of scores per class."""
    if any(spec.name == "input_ids" for spec in inputs):
        raise InvalidInput(
            f"model '{model_name}' reads tokens, and its version's folder has no tokenizer.json that makes them of a "
            f"text; add it, or use POST /v2/models/{model_name}/infer"
        )
    if len(inputs) != 1:
        raise InvalidInput(
            f"model '{model_name}' has {len(inputs)} inputs; classify works with one. "
            f"Use POST /v2/models/{model_name}/infer"
        )
    if (fitting := route(spec.name for spec in outputs)) != CLASSIFY:
        raise InvalidInput(f"model '{model_name}' does not classify. Use POST /v1/models/{model_name}/{fitting}")
    rank = 2 if max_batch_size else 1
    candidates = [spec for spec in outputs if spec.datatype.startswith("FP") and len(spec.shape) == rank]
    candidates.sort(key=lambda spec: spec.name not in labels)  # the one with labels, if there is one
    if not candidates:
        raise InvalidInput(
            f"model '{model_name}' has no output with one score per class. Use POST /v2/models/{model_name}/infer"
        )
    return Example(model_name, inputs[0], candidates[0], max_batch_size, columns)


def decode_body(body: bytes, example: Example, top_k: int | None) -> ClassifyRequest:
    """A JSON document, or else a picture, which is left encoded. `top_k` is what the query or form said, or None."""
    if hosted_json.is_json(body, _FILE):
        return _decode_json(body, example, top_k)
    most = hosted_json.top_k(top_k, DEFAULT_TOP_K)
    return ClassifyRequest([body], False, most) if example.takes_files else _pictures([body], example, False, most)


def to_pixels(picture: bytes, example: Example) -> np.ndarray:
    """One row of the model's input. Takes up to seconds and hundreds of megabytes for a large picture."""
    if example.takes_files:
        return np.array([picture], object)
    return images.to_pixels(picture, _layout(example), example.shape)


def stack(rows: list[np.ndarray], example: Example) -> np.ndarray:
    return np.stack(rows) if example.max_batch_size else rows[0]


def encode_scores(
    scores: np.ndarray, request: Asked, labels: Sequence[str]
) -> list[dict[str, Any]] | list[list[dict[str, Any]]]:
    """`scores` is the output of the whole batch, [rows, classes] or, without batching, [classes].

    Raises `BackendFailed` for scores that JSON can't hold.
    """
    if not np.isfinite(scores).all():
        raise BackendFailed("the model answered scores that are not finite numbers")
    rows = [_ranked(row, labels, request.top_k) for row in np.atleast_2d(scores)]
    return rows if request.batched else rows[0]


def _ranked(scores: np.ndarray, labels: Sequence[str], top_k: int) -> list[dict[str, Any]]:
    best = np.argsort(-scores, kind="stable")[:top_k]
    return [
        {"label": labels[index] if index < len(labels) else f"LABEL_{index}", "score": float(scores[index])}
        for index in best.tolist()
    ]


def _files(texts: Iterable[str]) -> Iterator[bytes]:
    return (hosted_json.file(text, _FILE) for text in texts)


def _decode_json(body: bytes, example: Example, top_k: int | None) -> ClassifyRequest:
    inputs, parameters = hosted_json.decode(body, "a base64 image, or numbers", PARAMETERS)
    most = hosted_json.top_k(parameters.get("top_k", top_k), DEFAULT_TOP_K)
    if type(inputs) is str and example.takes_files:
        raise InvalidInput(
            f"model '{example.model_name}' takes BYTES: send a file as the body itself, or texts as a list, "
            '{"inputs": ["..."]}'
        )
    if type(inputs) is str:
        return _pictures(_files([inputs]), example, False, most)
    if type(inputs) is list and inputs and type(inputs[0]) is str and example.input.datatype != "BYTES":
        if not all(type(item) is str for item in inputs):
            raise InvalidInput("'inputs' mixes base64 images with other things")
        hosted_json.check_count(len(inputs), example.model_name, example.max_batch_size)
        return _pictures(_files(inputs), example, True, most)
    if _are_rows(inputs) or (example.columns and type(inputs) is not list):
        return _decode_rows(inputs, example, most)
    return _decode_numbers(inputs, example, most)


def _pictures(pictures: Iterable[bytes], example: Example, batched: bool, top_k: int) -> ClassifyRequest:
    _layout(example)  # refused before a picture is looked at
    return ClassifyRequest(list(pictures), batched, top_k)


def _are_rows(inputs: Any) -> bool:
    return type(inputs) is dict or (type(inputs) is list and bool(inputs) and type(inputs[0]) is dict)


def _decode_rows(inputs: Any, example: Example, top_k: int) -> ClassifyRequest:
    """One row by its columns' names, or a list of them."""
    if not example.columns:
        raise InvalidInput(
            f"model '{example.model_name}' names no columns: its version's folder has no {FILENAME}. "
            'Send numbers: {"inputs": [...]}'
        )
    rows = inputs if type(inputs) is list else [inputs]
    hosted_json.check_count(len(rows), example.model_name, example.max_batch_size)
    table = table_rows.decode(rows, example.columns)
    return ClassifyRequest(table if example.max_batch_size else table[0], rows is inputs, top_k)


def _decode_numbers(inputs: Any, example: Example, top_k: int) -> ClassifyRequest:
    name, shape = example.input.name, example.shape
    if -1 in shape:
        raise InvalidInput(
            f"input '{name}' takes {format_shape(shape)}, of open size. "
            f"Use POST /v2/models/{example.model_name}/infer, which names the shape"
        )
    nesting = _nesting(inputs)
    is_one = _is_one_example(nesting, shape)
    rows = 1 if is_one else nesting[0]
    if not (is_one or _is_one_example(nesting[1:], shape)):
        raise InvalidInput(
            f"'inputs' must be one example of shape {format_shape(shape)}, flat or nested, or a list of examples; "
            f"got lists of {format_shape(nesting)}{_columns_too(example)}"
        )
    hosted_json.check_count(rows, example.model_name, example.max_batch_size)
    full_shape = (rows, *shape) if example.max_batch_size else shape
    array = json_tensor.decode(name, example.input.datatype, full_shape, inputs)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise InvalidInput("'inputs' holds numbers that are not finite")
    return ClassifyRequest(array, not is_one, top_k)


def _columns_too(example: Example) -> str:
    return f"; or rows by their columns' names, which are {described(example.columns)}" if example.columns else ""


def _is_one_example(nesting: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Flat, or nested as the shape is; dimensions of 1, such as a grey picture's channel, may be left out."""
    return nesting == (math.prod(shape),) or (
        len(nesting) <= len(shape) and [n for n in nesting if n != 1] == [n for n in shape if n != 1]
    )


def _nesting(data: Any) -> tuple[int, ...]:
    """The lengths of lists in lists, outermost first, which must be equal at each level."""
    if type(data) is not list:
        raise InvalidInput(f"'inputs' must be a base64 image, or a list of numbers, got {brief(data)}")
    nesting: list[int] = []
    level: list[Any] = [data]
    while level and type(level[0]) is list:
        if set(map(type, level)) != {list} or len(set(map(len, level))) != 1:
            raise InvalidInput("'inputs' holds lists of different lengths, or mixes lists and numbers")
        nesting.append(len(level[0]))
        level = list(chain.from_iterable(level))
    return tuple(nesting)


def _layout(example: Example) -> ImageLayout:
    """Raises `InvalidInput` when the model does not take pictures."""
    layout = images.layout_of(example.input, example.max_batch_size)
    if layout is None:
        raise InvalidInput(
            f"model '{example.model_name}' does not take an image: its input is {example.input}. "
            f'Send numbers: {{"inputs": [...]}}{_columns_too(example)}'
        )
    return layout
