"""One question, asked over both protocols: a request as plain data, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import grpc
import httpx
from tritonclient.grpc import service_pb2 as messages

from tests.grpc_client import stub_of
from tests.running_server import RunningServer

CONTENTS = {bool: "bool_contents", float: "fp32_contents", str: "bytes_contents"}
CHOICES = {bool: "bool_param", int: "int64_param", float: "double_param", str: "string_param"}


@dataclass(frozen=True)
class Tensor:
    name: str
    datatype: str
    shape: list[int]
    data: list[Any] | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Question:
    model: str
    inputs: list[Tensor]
    version: str = ""
    outputs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True)
class Answer:
    status: Any
    """An HTTP status, or a gRPC code."""
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)


def over_http(server: RunningServer, question: Question) -> Answer:
    version = f"/versions/{question.version}" if question.version else ""
    reply = httpx.post(f"{server.url}/v2/models/{question.model}{version}/infer", json=to_json(question), timeout=60)
    document = reply.json()
    outputs = {output["name"]: output.get("data") for output in document.get("outputs", [])}
    return Answer(reply.status_code, document.get("error", ""), reply.headers, outputs)


def over_grpc(server: RunningServer, question: Question) -> Answer:
    with stub_of(server) as stub:
        try:
            response = stub.ModelInfer(to_message(question), timeout=60)
        except grpc.RpcError as error:
            return Answer(error.code(), error.details())
    raw = zip(response.outputs, response.raw_output_contents, strict=True)
    return Answer(grpc.StatusCode.OK, "", outputs={output.name: content for output, content in raw})


def to_json(question: Question) -> dict[str, Any]:
    return {
        "id": question.id,
        "parameters": dict(question.parameters),
        "inputs": [_json_tensor(tensor) for tensor in question.inputs],
        "outputs": [{"name": name, "parameters": parameters} for name, parameters in question.outputs],
    }


def to_message(question: Question) -> messages.ModelInferRequest:
    message = messages.ModelInferRequest(model_name=question.model, model_version=question.version, id=question.id)
    for tensor in question.inputs:
        item = message.inputs.add(name=tensor.name, datatype=tensor.datatype, shape=tensor.shape)
        _set(item.parameters, tensor.parameters)
        if tensor.data is not None:
            values = [value.encode() if isinstance(value, str) else value for value in tensor.data]
            getattr(item.contents, _member(tensor)).extend(values)
    for name, parameters in question.outputs:
        _set(message.outputs.add(name=name).parameters, parameters)
    _set(message.parameters, question.parameters)
    return message


def _member(tensor: Tensor) -> str:
    kind = type(tensor.data[0]) if tensor.data else int
    return CONTENTS.get(kind, "int64_contents" if tensor.datatype == "INT64" else "int_contents")


def _json_tensor(tensor: Tensor) -> dict[str, Any]:
    data = {} if tensor.data is None else {"data": tensor.data}
    shape = {"name": tensor.name, "datatype": tensor.datatype, "shape": tensor.shape}
    return {**shape, **data, "parameters": dict(tensor.parameters)}


def _set(target: Any, parameters: Mapping[str, Any]) -> None:
    for name, value in parameters.items():
        setattr(target[name], CHOICES[type(value)], value)
