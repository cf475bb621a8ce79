"""Arrays of many examples, cut into requests. Rule: they fit the model, or the input is named that they don't fit."""

from collections.abc import Iterator, Mapping

import numpy as np

from loadtests.asking import CannotTest
from loadtests.inputs.data_file import Arrays
from loadtests.inputs.model import Model
from loadtests.inputs.shapes import check_rows
from loadtests.inputs.tensors import Tensors
from serving.core.datatypes import DTYPES
from serving.core.requests import TensorSpec, format_shape


def in_requests(given: Arrays, model: Model, rows: int) -> Iterator[Tensors]:
    """Of `rows` examples each, the last of what is left. Raises `CannotTest`."""
    check_rows(model, rows)
    arrays = _fitting(given, model)
    count = _count(given, arrays)
    for first in range(0, count, rows):
        cut = {name: array[first : first + rows] for name, array in arrays.items()}
        if model.batches:
            yield Tensors(cut, min(rows, count - first))
        else:
            yield Tensors({name: array[0] for name, array in cut.items()})


def _fitting(given: Arrays, model: Model) -> dict[str, np.ndarray]:
    specs = {spec.name: spec for spec in model.inputs}
    arrays = dict(given.arrays)
    if "" in arrays:
        if len(specs) != 1:
            raise CannotTest(
                f"{given.where} has one array, and model '{model.name}' has the inputs {', '.join(specs)}: give a .npz "
                "with an array by each name"
            )
        arrays = {next(iter(specs)): arrays[""]}
    unknown = sorted(arrays.keys() - specs.keys())
    missing = [name for name in specs if name not in arrays and name not in model.optional]
    if unknown or missing:
        what = f"an array '{unknown[0]}'" if unknown else f"no array '{missing[0]}'"
        raise CannotTest(f"{given.where} has {what}; the inputs of model '{model.name}' are {', '.join(specs)}")
    return {
        name: _cast(given.where, _examples(array, specs[name], model, given.where), specs[name])
        for name, array in arrays.items()
    }


def _examples(array: np.ndarray, spec: TensorSpec, model: Model, where: str) -> np.ndarray:
    """With a first dimension of examples."""
    own = model.own_shape(spec)
    if _fits(array.shape[1:], own) and array.ndim:
        return array
    if _fits(array.shape, own):
        return array[None]
    if own[:1] == (1,) and array.ndim and _fits(array.shape[1:], own[1:]):
        return array[:, None]
    raise CannotTest(
        f"{where}: '{spec.name}' has shape {format_shape(array.shape)}, and examples of the model's input have "
        f"{format_shape(own)}, behind a first dimension that counts them"
    )


def _fits(found: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return len(found) == len(shape) and all(dim in (-1, size) for dim, size in zip(shape, found, strict=True))


def _cast(where: str, array: np.ndarray, spec: TensorSpec) -> np.ndarray:
    """Numbers of another size become those of the model; texts become bytes."""
    if spec.datatype == "BYTES":
        if array.dtype.kind == "U":
            array = np.char.encode(array, "utf-8")
        if array.dtype.kind == "S":
            return array.astype(object)
    elif spec.datatype in DTYPES and np.can_cast(array.dtype, DTYPES[spec.datatype], "same_kind"):
        return array.astype(DTYPES[spec.datatype])
    raise CannotTest(f"{where}: '{spec.name}' holds {array.dtype}, and the model's input is {spec.datatype}")


def _count(given: Arrays, arrays: Mapping[str, np.ndarray]) -> int:
    counts = {name: len(array) for name, array in arrays.items()}
    if len(set(counts.values())) != 1:
        raise CannotTest(f"{given.where}: as many examples in each array, got {counts}")
    count = next(iter(counts.values()))
    if not count:
        raise CannotTest(f"{given.where}: there are no examples in it")
    return count
