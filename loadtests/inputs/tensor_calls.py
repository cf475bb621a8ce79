"""Tensors as requests of the Open Inference Protocol: JSON, binary, gRPC, or flat JSON that is answered by a stream.

Source: Triton's extension_binary_data.md and extension_generate.md.
"""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np
from tritonclient.grpc.service_pb2 import ModelInferRequest

from loadtests.asking import CannotTest
from loadtests.call import Call
from loadtests.inputs.model import Model
from loadtests.inputs.tensors import Tensors
from serving.core.datatypes import datatype_of
from serving.protocols.v2_binary import encode_tensor

SERVICE = "/inference.GRPCInferenceService/"
JSON = (("Content-Type", "application/json"),)

Parameters = Mapping[str, int | bool | str | float]


def path(model: Model, what: str) -> str:
    return f"/v2/models/{quote(model.name, safe='')}/{what}"


def json_call(model: Model, tensors: Tensors, parameters: Parameters) -> Call:
    """Raises `CannotTest` for what JSON can't hold."""
    inputs = [{**_head(name, array), "data": _elements(name, array)} for name, array in tensors.arrays.items()]
    return Call(path(model, "infer"), _document(inputs, parameters), headers=JSON, rows=tensors.rows)


def binary_call(model: Model, tensors: Tensors, parameters: Parameters) -> Call:
    """Outputs are asked for in binary too."""
    contents = [bytes(encode_tensor(array)) for array in tensors.arrays.values()]
    inputs = [
        {**_head(name, array), "parameters": {"binary_data_size": len(content)}}
        for (name, array), content in zip(tensors.arrays.items(), contents, strict=True)
    ]
    head = _document(inputs, {**parameters, "binary_data_output": True})
    headers = (("Content-Type", "application/octet-stream"), ("Inference-Header-Content-Length", str(len(head))))
    return Call(path(model, "infer"), b"".join((head, *contents)), headers=headers, rows=tensors.rows)


def grpc_call(model: Model, tensors: Tensors, parameters: Parameters, hang_up_after: int) -> Call:
    """A stream where the model answers any number of times."""
    message = ModelInferRequest(model_name=model.name)
    for name, array in tensors.arrays.items():
        message.inputs.add(name=name, datatype=datatype_of(array.dtype), shape=array.shape)
        message.raw_input_contents.append(bytes(encode_tensor(array)))
    for name, value in parameters.items():
        setattr(message.parameters[name], _KINDS[type(value)], value)
    rpc = "ModelStreamInfer" if model.decoupled else "ModelInfer"
    return Call(
        SERVICE + rpc,
        message.SerializeToString(),
        rows=tensors.rows,
        stream=model.decoupled,
        hang_up_after=hang_up_after if model.decoupled else 0,
    )


def generate_call(model: Model, tensors: Tensors, parameters: Mapping[str, Any], hang_up_after: int) -> Call:
    """Raises `CannotTest` for what JSON can't hold."""
    members = {name: _flat(name, array) for name, array in tensors.arrays.items()}
    return generate_body(model, {**members, **parameters}, hang_up_after)


def generate_body(model: Model, document: Mapping[str, Any], hang_up_after: int) -> Call:
    return Call(
        path(model, "generate_stream"),
        json.dumps(document).encode(),
        headers=JSON,
        stream=True,
        hang_up_after=hang_up_after,
    )


_KINDS = {bool: "bool_param", int: "int64_param", str: "string_param", float: "double_param"}


def _head(name: str, array: np.ndarray) -> dict[str, Any]:
    return {"name": name, "datatype": datatype_of(array.dtype), "shape": list(array.shape)}


def _document(inputs: list[dict[str, Any]], parameters: Parameters) -> bytes:
    return json.dumps({"inputs": inputs, **({"parameters": dict(parameters)} if parameters else {})}).encode()


def _flat(name: str, array: np.ndarray) -> Any:
    elements = _elements(name, array)
    return elements[0] if len(elements) == 1 else elements


def _elements(name: str, array: np.ndarray) -> list[Any]:
    if datatype_of(array.dtype) in ("FP16", "BF16"):
        raise CannotTest(
            f"input '{name}' is {datatype_of(array.dtype)}, which JSON has no numbers for: use --protocol v2-binary"
        )
    if array.dtype != object:
        found: list[Any] = array.reshape(-1).tolist()
        return found
    try:
        return [element.decode() for element in array.flat]
    except UnicodeDecodeError:
        raise CannotTest(f"input '{name}' has bytes that are no UTF-8 text: use --protocol v2-binary") from None
