"""The shapes in which a request's tensors are sent.

Rule: what was given fits the model; an open dimension is `OPEN` unless something was given.
"""

from loadtests.asking import CannotTest
from loadtests.inputs.model import Model
from loadtests.inputs.wanted import Wanted
from serving.core.requests import TensorSpec, format_shape

OPEN = 16


def shapes(model: Model, wanted: Wanted) -> dict[str, tuple[int, ...]]:
    """Of all inputs. Raises `CannotTest`."""
    names = [spec.name for spec in model.inputs]
    for name in (*wanted.shapes, *wanted.values):
        if name not in names:
            raise CannotTest(f"model '{model.name}' has no input '{name}'; its inputs are {_all(model)}")
    check_rows(model, wanted.rows)
    return {spec.name: _shape(spec, model, wanted) for spec in model.inputs}


def check_rows(model: Model, rows: int) -> None:
    """Raises `CannotTest`."""
    if rows > max(1, model.max_batch_size) and (model.max_batch_size or not model.batches):
        most = model.max_batch_size or "one, since it has no max_batch_size"
        raise CannotTest(f"--rows {rows}: model '{model.name}' takes up to {most} in a request")


def rows_of(model: Model, shape: tuple[int, ...]) -> int:
    """How many examples a request has, of whose tensors one has this shape."""
    return shape[0] if shape and model.batches else 1


def _shape(spec: TensorSpec, model: Model, wanted: Wanted) -> tuple[int, ...]:
    own = model.own_shape(spec)
    first: tuple[int, ...] = (wanted.rows,) if model.batches else ()
    given = wanted.shapes.get(spec.name)
    if given is None:
        return first + tuple(OPEN if dim < 0 else dim for dim in own)
    if model.batches and len(given) == len(spec.shape):
        first, given = given[:1], given[1:]
    if len(given) != len(own) or any(dim not in (-1, size) for dim, size in zip(own, given, strict=True)):
        raise CannotTest(
            f"--shape {spec.name}:{','.join(map(str, given))} does not fit input {spec.name} {spec.datatype} "
            f"{format_shape(own)}{', without the batch' if model.batches else ''}; -1 stands for any size"
        )
    return first + given


def _all(model: Model) -> str:
    return ", ".join(map(str, model.inputs))
