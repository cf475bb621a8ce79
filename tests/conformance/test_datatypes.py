"""Every datatype of the protocol, in every way that it may travel."""

import json
from typing import Any

import httpx
import ml_dtypes
import numpy as np
import pytest
import tritonclient.http
from tritonclient.grpc import service_pb2 as messages

from serving.core.datatypes import DTYPES, datatype_of
from serving.protocols.v2_binary import encode_tensor
from tests.conformance.callers import CLIENTS, calling
from tests.grpc_client import stub_of
from tests.running_server import RunningServer

INTEGERS = [name for name, dtype in DTYPES.items() if dtype.kind in "iu"]
HALVES = ["FP16", "BF16"]
IN_JSON = [name for name in DTYPES if name not in HALVES]
CONTENTS = {
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "INT64": "int64_contents",
    "UINT64": "uint64_contents",
    "BOOL": "bool_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def sample(datatype: str) -> np.ndarray:
    """One row that reaches the datatype's limits."""
    if datatype == "BYTES":
        return np.array([[b"", b"text", "ünïcödé \U0001f600".encode(), b"\x00 a \x00"]], object)
    if datatype == "BOOL":
        return np.array([[True, False]])
    dtype = DTYPES[datatype]
    if datatype in INTEGERS:
        limits = np.iinfo(dtype)
        return np.array([[limits.min, 0, 1, limits.max]], dtype)
    limits = ml_dtypes.finfo(dtype)
    return np.array([[limits.min, -0.5, 0, limits.tiny, limits.max]], dtype)


def identity(datatype: str) -> str:
    """The model that gives such tensors back."""
    return f"identity_{datatype.lower()}"


def plain(array: np.ndarray) -> list[Any]:
    """As JSON has it."""
    flat = array.reshape(-1).tolist()
    return [element.decode() if isinstance(element, bytes) else element for element in flat]


def read(data: list[Any], datatype: str) -> list[Any]:
    """JSON holds a float's shortest form, which says more as FP64 than it does as FP32."""
    return np.array(data, np.float32).tolist() if datatype == "FP32" else data


def post(server: RunningServer, datatype: str, tensor: dict[str, Any], **members: Any) -> httpx.Response:
    body = {"inputs": [{"name": "IN", "datatype": datatype, **tensor}], **members}
    return httpx.post(f"{server.url}/v2/models/{identity(datatype)}/infer", content=json.dumps(body).encode())


def post_binary(server: RunningServer, array: np.ndarray, binary_out: bool, model: str = "") -> httpx.Response:
    datatype, data = datatype_of(array.dtype), bytes(encode_tensor(array))
    tensor = {"name": "IN", "datatype": datatype, "shape": array.shape}
    outputs = [{"name": "OUT", "parameters": {"binary_data": binary_out}}]
    document = {"inputs": [{**tensor, "parameters": {"binary_data_size": len(data)}}], "outputs": outputs}
    header = json.dumps(document).encode()
    return httpx.post(
        f"{server.url}/v2/models/{model or identity(datatype)}/infer",
        content=header + data,
        headers={"Inference-Header-Content-Length": str(len(header))},
    )


def output_of(reply: httpx.Response) -> dict[str, Any]:
    """The JSON of the one output."""
    assert reply.status_code == 200, reply.text
    length = int(reply.headers.get("Inference-Header-Content-Length", len(reply.content)))
    (output,) = json.loads(reply.content[:length])["outputs"]
    return output  # type: ignore[no-any-return]


def blob_of(reply: httpx.Response) -> bytes:
    return reply.content[int(reply.headers["Inference-Header-Content-Length"]) :]


@pytest.mark.parametrize("datatype", IN_JSON)
def test_json_in_json_out(server: RunningServer, datatype: str) -> None:
    array = sample(datatype)
    output = output_of(post(server, datatype, {"shape": array.shape, "data": plain(array)}))
    assert read(output.pop("data"), datatype) == plain(array)
    assert output == {"name": "OUT", "datatype": datatype, "shape": list(array.shape)}


@pytest.mark.parametrize("datatype", IN_JSON)
def test_json_in_binary_out(server: RunningServer, datatype: str) -> None:
    array = sample(datatype)
    tensor = {"shape": array.shape, "data": plain(array)}
    reply = post(server, datatype, tensor, parameters={"binary_data_output": True})
    assert output_of(reply)["parameters"] == {"binary_data_size": len(blob_of(reply))}
    assert blob_of(reply) == bytes(encode_tensor(array))


@pytest.mark.parametrize("datatype", DTYPES)
def test_binary_in_binary_out(server: RunningServer, datatype: str) -> None:
    array = sample(datatype)
    reply = post_binary(server, array, binary_out=True)
    assert output_of(reply)["datatype"] == datatype
    assert blob_of(reply) == bytes(encode_tensor(array))


@pytest.mark.parametrize("datatype", IN_JSON)
def test_binary_in_json_out(server: RunningServer, datatype: str) -> None:
    array = sample(datatype)
    assert read(output_of(post_binary(server, array, binary_out=False))["data"], datatype) == plain(array)


@pytest.mark.parametrize("datatype", DTYPES)
def test_raw_contents(server: RunningServer, datatype: str) -> None:
    array = sample(datatype)
    message = message_of(array)
    message.raw_input_contents.append(bytes(encode_tensor(array)))
    assert answered(server, message) == bytes(encode_tensor(array))


@pytest.mark.parametrize("datatype", IN_JSON)
def test_typed_contents(server: RunningServer, datatype: str) -> None:
    array = sample(datatype)
    message = message_of(array)
    getattr(message.inputs[0].contents, CONTENTS[datatype]).extend(array.reshape(-1).tolist())
    assert answered(server, message) == bytes(encode_tensor(array))


@pytest.mark.parametrize("datatype", DTYPES)
@pytest.mark.parametrize("kind", CLIENTS)
async def test_the_clients_own_arrays(server: RunningServer, kind: str, datatype: str) -> None:
    array = sample(datatype)
    async with calling(kind, server) as caller:
        result = await caller.ask("infer", identity(datatype), [caller.tensor("IN", array, datatype)])
    assert result.as_numpy("OUT").dtype == array.dtype
    assert result.as_numpy("OUT").tolist() == array.tolist()


@pytest.mark.parametrize("datatype", DTYPES)
@pytest.mark.parametrize("kind", CLIENTS)
async def test_tensors_without_elements(server: RunningServer, kind: str, datatype: str) -> None:
    array = np.empty((2, 0), DTYPES[datatype])
    async with calling(kind, server) as caller:
        result = await caller.ask("infer", identity(datatype), [caller.tensor("IN", array, datatype)])
    assert result.as_numpy("OUT").shape == (2, 0)


@pytest.mark.parametrize("datatype", IN_JSON)
def test_tensors_without_elements_in_json(server: RunningServer, datatype: str) -> None:
    output = output_of(post(server, datatype, {"shape": [2, 0], "data": []}))
    assert (output["shape"], output["data"]) == ([2, 0], [])


@pytest.mark.parametrize("datatype", HALVES)
def test_half_floats_are_no_json(server: RunningServer, datatype: str) -> None:
    sent = post(server, datatype, {"shape": [1, 1], "data": [1.0]})
    assert (sent.status_code, f"receiving {datatype} data via JSON is not supported" in sent.text) == (400, True)
    wanted = post_binary(server, sample(datatype), binary_out=False)
    assert (wanted.status_code, f"sending {datatype} data via JSON is not supported" in wanted.text) == (400, True)


@pytest.mark.parametrize("datatype", ["FP32", "FP64"])
def test_what_is_not_finite_is_a_literal_in_json(server: RunningServer, datatype: str) -> None:
    values = [float("nan"), float("inf"), float("-inf"), 1.5]
    reply = post(server, datatype, {"shape": [1, 4], "data": values})
    assert b'"data":[NaN,Infinity,-Infinity,1.5]' in reply.content


@pytest.mark.parametrize("datatype", ["FP16", "BF16", "FP32", "FP64"])
async def test_what_is_not_finite_keeps_its_bits(server: RunningServer, datatype: str) -> None:
    array = np.array([[np.nan, np.inf, -np.inf, -0.0]], DTYPES[datatype])
    message = message_of(array)
    message.raw_input_contents.append(array.tobytes())
    assert answered(server, message) == array.tobytes()
    assert blob_of(post_binary(server, array, binary_out=True)) == array.tobytes()


def test_bytes_that_are_no_text_travel_as_binary_only(server: RunningServer) -> None:
    array = np.array([b"\xff\xfe", b"\x80", b"\xed\xa0\x80"], object)
    raw, typed = message_of(array, "opaque"), message_of(array, "opaque")
    raw.raw_input_contents.append(bytes(encode_tensor(array)))
    typed.inputs[0].contents.bytes_contents.extend(array.tolist())
    for message in (raw, typed):
        assert answered(server, message) == bytes(encode_tensor(array))
    assert blob_of(post_binary(server, array, True, "opaque")) == bytes(encode_tensor(array))
    refused = post_binary(server, array, False, "opaque")
    assert refused.status_code == 400
    assert "holds bytes that are not UTF-8; ask for it as binary data" in refused.json()["error"]


def test_an_onnx_model_takes_no_bytes_that_are_no_text(server: RunningServer) -> None:
    reply = post_binary(server, np.array([[b"\xff"]], object), binary_out=True)
    assert reply.status_code == 400
    assert "input 'IN' holds bytes that are not UTF-8" in reply.json()["error"]


@pytest.mark.parametrize("text", [r'"\ud800"', r'"\udfff\ud800"', '"\\ud800", NaN'])
def test_halves_of_surrogate_pairs_are_no_text(server: RunningServer, text: str) -> None:
    body = f'{{"inputs":[{{"name":"IN","datatype":"BYTES","shape":[1,1],"data":[{text}]}}]}}'
    reply = httpx.post(f"{server.url}/v2/models/identity_bytes/infer", content=body.encode())
    assert reply.status_code == 400
    assert "failed to parse the request JSON buffer" in reply.json()["error"]


@pytest.mark.parametrize(
    ("datatype", "data"),
    [
        *[(name, [int(np.iinfo(DTYPES[name]).max) + 1]) for name in INTEGERS],
        *[(name, [int(np.iinfo(DTYPES[name]).min) - 1]) for name in INTEGERS],
        *[(name, [1.5]) for name in INTEGERS],
        *[(name, [True]) for name in IN_JSON if name != "BOOL"],
        *[(name, [None]) for name in IN_JSON],
        *[(name, ["1"]) for name in IN_JSON if name != "BYTES"],
        ("BOOL", [1]),
        ("BYTES", [1]),
    ],
)
def test_elements_of_another_kind_are_refused(server: RunningServer, datatype: str, data: list[Any]) -> None:
    reply = post(server, datatype, {"shape": [1, 1], "data": data})
    assert reply.status_code == 400
    assert "'IN'" in reply.json()["error"] or "JSON" in reply.json()["error"]


def test_the_text_client_reads_what_json_brings(server: RunningServer) -> None:
    tensor = tritonclient.http.InferInput("IN", [1, 2], "BYTES")
    tensor.set_data_from_numpy(np.array([["ä\0b", "c"]], object), binary_data=False)
    wanted = [tritonclient.http.InferRequestedOutput("OUT", binary_data=False)]
    with tritonclient.http.InferenceServerClient(server.address) as client:
        result = client.infer("identity_bytes", [tensor], outputs=wanted)
    assert result.as_numpy("OUT").tolist() == [["ä\0b", "c"]]


def message_of(array: np.ndarray, model: str = "") -> messages.ModelInferRequest:
    datatype = datatype_of(array.dtype)
    message = messages.ModelInferRequest(model_name=model or identity(datatype))
    message.inputs.add(name="IN", datatype=datatype, shape=array.shape)
    return message


def answered(server: RunningServer, message: messages.ModelInferRequest) -> bytes:
    with stub_of(server) as stub:
        response = stub.ModelInfer(message, timeout=30)
    assert (response.outputs[0].datatype, response.outputs[0].shape) == (
        message.inputs[0].datatype,
        message.inputs[0].shape,
    )
    (raw,) = response.raw_output_contents
    return raw  # type: ignore[no-any-return]
