import json

import numpy as np
import pytest

from loadtests.benchmarks.bench_models import MODELS, Model
from loadtests.benchmarks.wires import BINARY, JSON, plain_json
from serving.protocols.outputs import Window
from serving.protocols.v2_json import decode_request


def no_window(*_: object) -> Window:
    raise NotImplementedError


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@pytest.mark.parametrize("wire", [BINARY, JSON], ids=lambda wire: wire.name)
def test_the_protocols_calls_are_the_models_row(wire, model: Model) -> None:  # type: ignore[no-untyped-def]
    call = wire.call(model)
    length = dict(call.headers).get("Inference-Header-Content-Length")
    request, requested = decode_request(model.name, "", call.body, int(length) if length else None, no_window)
    assert np.array_equal(request.inputs["x"], model.row())
    assert requested.of("y").is_binary == (wire is BINARY)


def test_answers_are_read_as_they_are_sent() -> None:
    model = MODELS[0]
    answer = np.arange(5, dtype=np.float32)[np.newaxis]
    output = {"name": "y", "datatype": "FP32", "shape": [1, 5]}
    assert np.array_equal(BINARY.read(model, json.dumps({"outputs": [output]}).encode() + answer.tobytes()), answer)
    document = {"outputs": [{**output, "data": answer.ravel().tolist()}]}
    assert np.array_equal(JSON.read(model, json.dumps(document).encode()), answer)


def test_other_servers_are_asked_in_plain_json() -> None:
    wire, model = plain_json("/predict"), MODELS[1]
    call = wire.call(model)
    assert call.path == "/predict"
    assert np.array_equal(np.array(json.loads(call.body)["x"], np.float32), model.row()[0])
    assert wire.read(model, b'{"y": [1, 2.5]}').tolist() == [[1, 2.5]]
