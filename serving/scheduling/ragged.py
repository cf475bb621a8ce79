"""Requests whose shapes differ become one batch, and what the model made of it becomes each request's again.

Source: Triton's backend_input_collector.cc and backend_output_responder.cc, which say what the model is fed.
Rule: pure; counts are of elements of a request, its batch dimension included.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod

import numpy as np

from serving.core.datatypes import dtype_of
from serving.core.ragged_config import BatchInput, RaggedConfig, Scattered
from serving.core.requests import Arrays, format_shape
from serving.errors import BackendFailed
from serving.scheduling.batching import concatenate, split

Shapes = Sequence[tuple[int, ...]]
"""Of one input, in each request, with the batch dimension."""


def join(config: RaggedConfig, requests: Sequence[Arrays]) -> Arrays:
    """What the model is fed of them: ragged inputs flat, one behind the other, and the batch inputs."""
    flattened = [
        {name: array.reshape(-1) if name in config.flat else array for name, array in request.items()}
        for request in requests
    ]
    inputs = dict(concatenate(flattened))
    for batch_input in config.batch_inputs:
        shapes = [request[batch_input.source].shape for request in requests]
        told = _KINDS[batch_input.kind](batch_input, shapes).astype(dtype_of(batch_input.datatype))
        inputs |= dict.fromkeys(batch_input.names, told)
    return inputs


def divide(config: RaggedConfig, requests: Sequence[Arrays], rows: Sequence[int], outputs: Arrays) -> list[Arrays]:
    """Each request's own, `rows` of each or as it is scattered. Raises `BackendFailed` where the sizes don't fit."""
    answers = split({name: array for name, array in outputs.items() if name not in config.scattered}, rows)
    for name, scattered in config.scattered.items():
        if name in outputs:
            parts = _scatter(name, scattered, requests, outputs[name])
            answers = [{**answer, name: part} for answer, part in zip(answers, parts, strict=True)]
    return answers


def _scatter(name: str, scattered: Scattered, requests: Sequence[Arrays], output: np.ndarray) -> list[np.ndarray]:
    shapes = [_shape(scattered, request) for request in requests]
    ends = list(accumulate(map(prod, shapes)))
    if output.size != ends[-1]:
        raise BackendFailed(
            f"output '{name}' has {output.size} elements, and {ends[-1]} are expected in shapes of "
            f"{', '.join(map(format_shape, shapes))}, as input '{scattered.source}' says"
        )
    parts = np.split(output.reshape(-1), ends[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _shape(scattered: Scattered, request: Arrays) -> tuple[int, ...]:
    given = request[scattered.source].shape
    return tuple(given[place] if size == -1 else size for place, size in enumerate(scattered.shape))


def _element_count(_: BatchInput, shapes: Shapes) -> np.ndarray:
    return np.array([prod(shape) for shape in shapes])


def _accumulated(_: BatchInput, shapes: Shapes) -> np.ndarray:
    return np.array(list(accumulate(map(prod, shapes))))


def _accumulated_with_zero(_: BatchInput, shapes: Shapes) -> np.ndarray:
    return np.array(list(accumulate(map(prod, shapes), initial=0)))


def _max_as_shape(_: BatchInput, shapes: Shapes) -> np.ndarray:
    """Only its shape tells something."""
    return np.zeros(max(map(prod, shapes)))


def _item_shapes(batch_input: BatchInput, shapes: Shapes) -> np.ndarray:
    items = [shape[1:] for shape in shapes for _ in range(shape[0])]
    return np.array(items, np.int64).reshape(len(items), batch_input.rank)


def _item_shapes_flat(batch_input: BatchInput, shapes: Shapes) -> np.ndarray:
    return _item_shapes(batch_input, shapes).reshape(-1)


_KINDS: dict[str, Callable[[BatchInput, Shapes], np.ndarray]] = {
    "BATCH_ELEMENT_COUNT": _element_count,
    "BATCH_ACCUMULATED_ELEMENT_COUNT": _accumulated,
    "BATCH_ACCUMULATED_ELEMENT_COUNT_WITH_ZERO": _accumulated_with_zero,
    "BATCH_MAX_ELEMENT_COUNT_AS_SHAPE": _max_as_shape,
    "BATCH_ITEM_SHAPE": _item_shapes,
    "BATCH_ITEM_SHAPE_FLATTEN": _item_shapes_flat,
}
