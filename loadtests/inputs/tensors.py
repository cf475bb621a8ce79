"""Tensors with made-up values.

Rule: values are such that most models take them; which those are is told by datatype, shape, and names that are in
common use.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

import numpy as np

from loadtests.asking import CannotTest
from loadtests.inputs import words
from loadtests.inputs.model import Model
from loadtests.inputs.shapes import rows_of, shapes
from loadtests.inputs.wanted import Span, Wanted
from loadtests.inputs.writing import Writing
from serving.core.datatypes import DTYPES
from serving.core.requests import TensorSpec
from serving.protocols.images import layout_of

_TOKENS = Span(1, 99)
_INTEGERS = Span(0, 9)
_OF_ANOTHER = re.compile(r"(.+)_(?:length|lengths|len|size)")
_WRITER = ("text_input", "sampling_parameters")
_ON = ("stream", "streaming", "exclude_input_in_output")


@dataclass(frozen=True, slots=True)
class Tensors:
    """Arrays by input name, which hold so many examples."""

    arrays: Mapping[str, np.ndarray]
    rows: int = 1


def tensors(model: Model, wanted: Wanted, writing: Writing, random: Random) -> Tensors:
    """Raises `CannotTest`."""
    if not model.inputs:
        raise CannotTest(f"the server says nothing of the inputs of model '{model.name}': use --data FILE")
    found = shapes(model, wanted)
    made = {
        spec.name: _array(spec, found, model, wanted, writing, random)
        for spec in model.inputs
        if spec.name not in model.optional or _is_told(spec, model, wanted)
    }
    first = next(iter(made))
    return Tensors(made, rows_of(model, found[first]))


def _is_told(spec: TensorSpec, model: Model, wanted: Wanted) -> bool:
    """Of an optional input: whether requests have it."""
    return spec.name in (*wanted.shapes, *wanted.values) or (model.writes and spec.name in (*_WRITER, *_ON))


def _array(
    spec: TensorSpec,
    all_shapes: Mapping[str, tuple[int, ...]],
    model: Model,
    wanted: Wanted,
    writing: Writing,
    random: Random,
) -> np.ndarray:
    shape, chance = all_shapes[spec.name], np.random.default_rng(random.getrandbits(32))
    if spec.datatype not in DTYPES:
        raise CannotTest(f"input '{spec.name}' has datatype {spec.datatype}, which is none of {', '.join(DTYPES)}")
    if spec.datatype == "BYTES":
        return _texts(spec.name, shape, model, writing, random)
    dtype = DTYPES[spec.datatype]
    if spec.datatype == "BOOL":
        return np.ones(shape, bool) if spec.name.lower() in _ON else chance.random(shape) < 0.5
    if spec.name in wanted.values:
        span = wanted.values[spec.name]
        return chance.integers(span.low, span.high, shape, endpoint=True).astype(dtype)
    if layout_of(TensorSpec(spec.name, spec.datatype, model.own_shape(spec)), 0) is not None:
        return chance.integers(0, 256, shape).astype(dtype)
    if spec.datatype.startswith(("FP", "BF")):
        return chance.random(shape).astype(dtype)
    return _integers(spec.name, shape, all_shapes, model, chance).astype(dtype)


def _integers(
    name: str,
    shape: tuple[int, ...],
    all_shapes: Mapping[str, tuple[int, ...]],
    model: Model,
    chance: np.random.Generator,
) -> np.ndarray:
    """A mask leaves everything; the length of another input is its last dimension."""
    lower = name.lower()
    if lower.endswith("mask"):
        return np.ones(shape, np.int64)
    if lower.endswith("type_ids"):
        return np.zeros(shape, np.int64)
    other = _OF_ANOTHER.fullmatch(name)
    if other is not None and other[1] in all_shapes:
        return np.full(shape, all_shapes[other[1]][-1])
    span = _INTEGERS
    if lower.endswith(("_ids", "tokens")):
        size = model.parameters.get("vocab_size", "")
        span = Span(1, int(size) - 1) if size.isdecimal() and int(size) > 1 else _TOKENS
    return chance.integers(span.low, span.high, shape, endpoint=True)


def _texts(name: str, shape: tuple[int, ...], model: Model, writing: Writing, random: Random) -> np.ndarray:
    array = np.empty(shape, object)
    for at in np.ndindex(*shape):
        array[at] = _text(name, model, writing, random).encode()
    return array


def _text(name: str, model: Model, writing: Writing, random: Random) -> str:
    if not model.writes:
        return words.text(4, random)
    if name == "sampling_parameters":
        return json.dumps(writing.options(random))
    return writing.prompt(random)
