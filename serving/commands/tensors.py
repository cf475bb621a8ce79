"""A document that a person typed, as an infer request: a list for a model's one input, or values by input name.

Rule: what fits an input in only one way is sent in that way; whether it fits, the server says.
"""

from collections.abc import Sequence
from typing import Any

from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols.shapes import filled

_PARAMETERS = "parameters"


def infer_request(document: Any, inputs: Sequence[TensorSpec]) -> dict[str, Any]:
    """The body of an infer request. Raises `InvalidInput` for names that the model's `inputs` don't have."""
    specs = {spec.name: spec for spec in inputs}
    if not isinstance(document, dict):
        if len(specs) != 1:
            raise InvalidInput(f"the model has {len(specs)} inputs, so that each needs its name: {_example(inputs)}")
        document = dict.fromkeys(specs, document)
    unknown = document.keys() - specs.keys() - {_PARAMETERS}
    if unknown:
        raise InvalidInput(f"the model has no input '{min(unknown)[:100]}'; it takes {_example(inputs)}")
    tensors = [_tensor(specs[name], value) for name, value in document.items() if name in specs]
    has_parameters = _PARAMETERS in document and _PARAMETERS not in specs
    return {"inputs": tensors, **({_PARAMETERS: document[_PARAMETERS]} if has_parameters else {})}


def _tensor(spec: TensorSpec, value: Any) -> dict[str, Any]:
    data = value if isinstance(value, list) else [value]
    return {"name": spec.name, "datatype": spec.datatype, "shape": _shape(spec, _nesting(data)), "data": data}


def _shape(spec: TensorSpec, nesting: list[int]) -> Sequence[int]:
    """A flat list fills the input's own shape; lists in lists are a batch of one where they leave out the batch."""
    shape = filled(spec, nesting[0]) if len(nesting) == 1 else None
    return shape or [*[1] * (len(spec.shape) - len(nesting)), *nesting]


def _nesting(data: Any) -> list[int]:
    """The lengths of lists in lists, as their first elements have them."""
    nesting: list[int] = []
    while isinstance(data, list):
        nesting.append(len(data))
        data = data[0] if data else None
    return nesting


def _example(inputs: Sequence[TensorSpec]) -> str:
    members = ", ".join(f'"{spec.name}": ...' for spec in inputs)
    return f"{{{members}}}, with {', '.join(map(str, inputs))}"
