"""How a row of floats goes to a server and the answer comes back.

Rule: one call for one row, of the kind that the server's own users would send; what comes back is read, not trusted.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from loadtests.benchmarks.bench_models import Model
from loadtests.call import Call

_JSON = (("Content-Type", "application/json"),)


@dataclass(frozen=True, slots=True)
class Wire:
    """`read` takes the reply's body; it may raise `ValueError`, `LookupError` and `TypeError`."""

    name: str
    call: Callable[[Model], Call]
    read: Callable[[Model, bytes], np.ndarray]


def _path(model: Model) -> str:
    return f"/v2/models/{model.name}/infer"


def _tensor(model: Model) -> dict[str, object]:
    return {"name": "x", "shape": model.row().shape, "datatype": "FP32"}


def _binary_call(model: Model) -> Call:
    row = model.row()
    tensor = {**_tensor(model), "parameters": {"binary_data_size": row.nbytes}}
    header = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return Call(_path(model), header + row.tobytes(), headers=(("Inference-Header-Content-Length", str(len(header))),))


def _read_binary(model: Model, body: bytes) -> np.ndarray:
    """The only tensor is what comes last."""
    return np.frombuffer(body[-4 * model.widths[-1] :], np.float32)[np.newaxis]


def _json_call(model: Model) -> Call:
    tensor = {**_tensor(model), "data": model.row().ravel().tolist()}
    return Call(_path(model), json.dumps({"inputs": [tensor]}).encode(), headers=_JSON)


def _read_json(_: Model, body: bytes) -> np.ndarray:
    [output] = json.loads(body)["outputs"]
    return np.array(output["data"], np.float32).reshape(output["shape"])


def _plain_call(path: str, model: Model) -> Call:
    return Call(path, json.dumps({"x": model.row()[0].tolist()}).encode(), headers=_JSON)


def _read_plain(_: Model, body: bytes) -> np.ndarray:
    return np.array([json.loads(body)["y"]], np.float32)


def plain_json(path: str) -> Wire:
    """`{"x": [...]}` to a path of the server's, answered by `{"y": [...]}`: for servers whose users choose."""
    return Wire("JSON", lambda model: _plain_call(path, model), _read_plain)


BINARY = Wire("binary", _binary_call, _read_binary)
"""The Open Inference Protocol with its extension for binary tensors."""

JSON = Wire("JSON", _json_call, _read_json)
"""The Open Inference Protocol without extensions."""
