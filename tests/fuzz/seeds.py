"""Where fuzzing begins: a few sound inputs of each target. `python -m tests.fuzz.seeds` writes them into the corpus.

Rule: whatever else is in the corpus was found.
"""

import gzip
import io
import json
import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import soundfile
from h2.connection import H2Connection
from PIL import Image
from tritonclient.grpc.service_pb2 import ModelInferRequest

from serving.core import columns, golden
from serving.core.golden import GoldenRows
from serving.protocols.http2.frames import frame
from tests.fuzz.corpus import CORPUS
from tests.fuzz.tensor_targets import DATATYPES

_X = {"name": "x", "shape": [1, 4], "datatype": "FP32"}
_CONFIGS = (
    """backend: "onnxruntime" max_batch_size: 8
    input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: -1 }
    instance_group { count: 2 kind: KIND_CPU }
    dynamic_batching { preferred_batch_size: [2, 4] max_queue_delay_microseconds: 100 priority_levels: 2
      default_priority_level: 1 default_queue_policy { max_queue_size: 7 timeout_action: DELAY }
      priority_queue_policy { key: 1 value { default_timeout_microseconds: 9 } } }
    parameters { key: "intra_op_thread_count" value { string_value: "1" } } version_policy { specific { versions: 1 } }
    """,
    """platform: "ensemble" max_batch_size: 4
    input { name: "x" data_type: TYPE_FP32 dims: 4 } output { name: "y" data_type: TYPE_FP32 dims: 4 }
    ensemble_scheduling { step { model_name: "a" model_version: -1 input_map { key: "x" value: "x" }
      output_map { key: "y" value: "y" } } }""",
    """backend: "python" max_batch_size: 4 response_cache { enable: false }
    input [{ name: "x" data_type: TYPE_STRING dims: [1] reshape { shape: [] } }, { name: "r" data_type: TYPE_FP32
      dims: -1 allow_ragged_batch: true }] output { name: "y" data_type: TYPE_BOOL dims: 1 label_filename: "l.txt" }
    sequence_batching { oldest { max_candidate_sequences: 4 } control_input { name: "s" control {
      kind: CONTROL_SEQUENCE_START int32_false_true: [0, 1] } } state { input_name: "i" output_name: "o"
      data_type: TYPE_FP32 dims: 1 initial_state { name: "z" data_type: TYPE_FP32 dims: 1 zero_data: true } } }
    batch_input { kind: BATCH_ACCUMULATED_ELEMENT_COUNT target_name: "n" data_type: TYPE_FP32 source_input: "r" }""",
    """backend: "pytorch" parameters { key: "generation.task" value { string_value: "text-generation" } }
    parameters { key: "rollout.strategy" value { string_value: "canary" } }
    parameters { key: "isolation" value { string_value: "process" } }
    parameters { key: "audio.sample_rate" value { string_value: "16000" } }
    model_warmup { name: "w" batch_size: 1 inputs { key: "x" value { data_type: TYPE_FP32 dims: 4 zero_data: true } } }
    """,
)
_SAMPLING = {"max_tokens": 4, "temperature": 0.5, "top_p": 0.9, "stop": ["a", "b"], "logit_bias": {"5": -1}, "seed": 7}
_SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}


def seeds() -> Iterator[tuple[str, bytes]]:
    """Targets' names with an input for each."""
    for target, found in {
        "v2_json_body": _v2_json(),
        "v2_binary_tensor": _binary(),
        "v2_proto_message": _proto(),
        "v2_raw_body": (bytes([kind]) + bytes(16) for kind in range(4)),
        "generate_body": map(_json, ({"text": "a", "x": [1, 2, 3, 4], "id": "i"}, {"n": 1, "parameters": {"p": True}})),
        "openai_completion": map(_json, _completions()),
        "openai_chat": map(_json, _chats()),
        "openai_others": _others(),
        "people": _people(),
        "grammar": _grammars(),
        "headers": _headers(),
        "events": (b"plain", 'line\r\nand\u2028 "more"'.encode(), b"\xff\xfe data: x\n\n"),
        "config_pbtxt": (text.encode() for text in _CONFIGS),
        "config_json": map(_json, _json_configs()),
        "picture": _pictures(),
        "recording": _recordings(),
        "packed": (b"\0" + gzip.compress(b"a" * 90, mtime=0), b"\1" + zlib.compress(b"abc"), b"\1\x4b\x04\0", b"\3x"),
        "beside_models": _beside(),
        "http2_connection": _http2(),
        "grpc_messages": _grpc_messages(),
    }.items():
        yield from ((target, each) for each in found)


def _json(document: Any) -> bytes:
    return json.dumps(document).encode()


def _v2_json() -> Iterator[bytes]:
    data = {**_X, "data": [1, 2, 3, 4]}
    for document in (
        {"id": "i", "inputs": [data], "outputs": [{"name": "y", "parameters": {"classification": 2}}]},
        {"inputs": [{**data, "data": [[1.5, -2, 3e300, 4]]}], "parameters": {"priority": 1, "sequence_id": "s"}},
        {"inputs": [{"name": "t", "shape": [2], "datatype": "BYTES", "data": ["a", "\u00e9"]}]},
        {"inputs": [{**data, "datatype": "INT64", "data": [2**63 - 1, -(2**63), 0, 1]}]},
        {"inputs": [{**_X, "shape": [0, 4], "data": []}]},
        {"inputs": [{**_X, "parameters": {"shared_memory_region": "r", "shared_memory_byte_size": 16}}]},
    ):
        yield b"\xff\xff" + _json(document)
    for datatype, blob in (("FP32", bytes(16)), ("BYTES", b"\1\0\0\0a" * 4), ("BF16", bytes(8)), ("BOOL", b"\0\1\2\3")):
        header = _json({"inputs": [{**_X, "datatype": datatype, "parameters": {"binary_data_size": len(blob)}}]})
        yield len(header).to_bytes(2, "little") + header + blob


def _binary() -> Iterator[bytes]:
    texts, floats = DATATYPES.index("BYTES"), DATATYPES.index("FP32")
    yield bytes([floats, 2]) + struct.pack("<2q", 2, 2) + bytes(16)
    yield bytes([texts, 1]) + struct.pack("<q", 2) + b"\1\0\0\0a\0\0\0\0"
    yield bytes([floats, 3]) + struct.pack("<3q", 0, 2**40, 1)


def _proto() -> Iterator[bytes]:
    message = ModelInferRequest(model_name="m", id="i", raw_input_contents=[bytes(16)])
    message.inputs.add(name="x", datatype="FP32", shape=[1, 4])
    message.outputs.add(name="y").parameters["classification"].int64_param = 2
    message.parameters["timeout"].int64_param = 5
    yield message.SerializeToString()
    typed = ModelInferRequest(model_name="m")
    typed.inputs.add(name="n", datatype="INT8", shape=[2]).contents.int_contents.extend([-128, 127])
    typed.inputs.add(name="t", datatype="BYTES", shape=[1]).contents.bytes_contents.append(b"a")
    yield typed.SerializeToString()


def _completions() -> Iterator[Mapping[str, Any]]:
    yield {"model": "m", "prompt": "a", **_SAMPLING, "stream": True, "stream_options": {"include_usage": True}}
    yield {"model": "m", "prompt": [[1, 2], [3]], "n": 2, "logprobs": 3, "guided_json": _SCHEMA}
    yield {"model": "m", "prompt": ["a"], "structured_outputs": {"regex": "[a-z]+"}, "truncate_prompt_tokens": -1}


def _chats() -> Iterator[Mapping[str, Any]]:
    messages = [{"role": "system", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "u"}]}]
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": _SCHEMA}}
    yield {"model": "m", "messages": messages, **_SAMPLING, "response_format": form}
    yield {"model": "m", "messages": messages, "logprobs": True, "top_logprobs": 2, "tools": [], "tool_choice": "none"}


def _others() -> Iterator[bytes]:
    yield _json({"model": "m", "input": ["a", [1, 2]], "encoding_format": "base64", "dimensions": 3})
    yield _json({"model": "m", "prompt": "a 7", "n": 2, "size": "64x64", "seed": 1, "output_format": "jpeg"})
    yield b"model=m\nresponse_format=verbose_json\ntimestamp_granularities[]=word\nstream=true\ntemperature=0"


def _people() -> Iterator[bytes]:
    yield from map(
        _json,
        (
            {"inputs": [[1, 2, 3, 4]], "parameters": {"top_k": 2}},
            {"inputs": {"age": 3, "colour": "red"}},
            {"inputs": [{"age": None, "colour": "blue"}]},
            {"inputs": ["tea", "coffee"]},
            {"inputs": "aGk=", "parameters": {"threshold": 0.5, "truncate_prompt_tokens": -1}},
            {"inputs": "data:image/png;base64,aGk="},
        ),
    )
    yield b"\x89PNG\r\n"


def _grammars() -> Iterator[bytes]:
    yield b"\0" + _json(_SCHEMA)
    texts = (b"{}", b"[a-z]{1,3}", b'["yes", "no"]', b'root ::= "a" | "b" root')
    yield from (bytes([1 + kind]) + text for kind, text in enumerate(texts))


def _headers() -> Iterator[bytes]:
    lengths = b"content-length: 10\ninference-header-content-length: 5"
    yield b"/v2/models/m/versions/1/infer\n" + lengths + b"\nx-request-timeout-ms: 9"
    yield b"/v2/models/m/infer\ncontent-length: 10\naccept-encoding: gzip;q=0.5, *;q=0\nauthorization: Bearer k"
    yield b"/\n00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\n1e400\nnan"


def _json_configs() -> Iterator[Mapping[str, Any]]:
    tensor = {"data_type": "TYPE_FP32", "dims": ["4"]}
    yield {"backend": "onnxruntime", "max_batch_size": 8, "input": [{"name": "x", **tensor}], "output": [tensor]}
    yield {"platform": "python", "instance_group": [{"count": 2}], "parameters": {"a": {"string_value": "b"}}}


def _pictures() -> Iterator[bytes]:
    for kind, (mode, form) in enumerate(
        (("RGB", "PNG"), ("L", "JPEG"), ("P", "GIF"), ("I;16", "PNG"), ("RGBA", "WEBP"), ("1", "BMP"), ("LA", "PNG"))
    ):
        buffer = io.BytesIO()
        Image.new(mode, (12, 7)).save(buffer, form)
        yield bytes([kind]) + buffer.getvalue()


def _recordings() -> Iterator[bytes]:
    tone = np.sin(np.arange(800) / 9).astype(np.float32)
    for form, kind in (("WAV", "PCM_16"), ("WAV", "FLOAT"), ("FLAC", "PCM_16"), ("OGG", "VORBIS")):
        buffer = io.BytesIO()
        soundfile.write(buffer, np.stack([tone, tone], axis=1), 8000, format=form, subtype=kind)
        yield buffer.getvalue()


def _beside() -> Iterator[bytes]:
    rows = np.arange(4, dtype=np.float32).reshape(2, 2)
    yield golden.encode(GoldenRows({"x": rows}, {"y": rows}))
    yield columns.encode((columns.number("age"), columns.category("colour", ["red"])))
    yield _json({"files": {"model.onnx": {"sha256": "a" * 64, "size": 1}}, "inputs": [_X]})


def _http2() -> Iterator[bytes]:
    """As another library's client writes it, and what that would not."""
    head = [(":method", "POST"), (":scheme", "http"), (":path", "/m"), (":authority", "h"), ("te", "trailers")]
    head += [("content-type", "application/grpc"), ("grpc-timeout", "1S"), ("a-bin", "AAE")]
    for number in range(3):
        client = H2Connection()
        client.initiate_connection()
        client.data_to_send()
        client.send_headers(1, head)
        client.send_data(1, b"\0\0\0\0\2hi", pad_length=number or None)
        if number == 0:
            client.send_headers(3, head, end_stream=True)
            client.ping(b"12345678")
            client.end_stream(1)
        elif number == 1:
            client.update_settings({4: 100, 5: 20_000})
            client.send_headers(1, [("checksum", "1")], end_stream=True)
            client.increment_flow_control_window(9)
        else:
            client.increment_flow_control_window(9, 1)
            client.encoder.header_table_size = 100
            client.send_headers(3, head[:6], end_stream=True)
            client.reset_stream(1)
            client.close_connection()
        yield bytes([(255, 0, 6)[number]]) + client.data_to_send()
    yield (
        b"\xff" + frame(1, 0, 1, b"\x83\x86\x84") + frame(9, 4, 1, b"\x40\x01a\x01b") + frame(0, 1, 1) + frame(99, 0, 3)
    )


def _grpc_messages() -> Iterator[bytes]:
    yield b"\0\2" + b"\0\0\0\0\3abc" * 2 + b"\0\0"
    for kind, packed in ((1, zlib.compress(b"abc")), (2, gzip.compress(b"abc", mtime=0))):
        yield bytes([kind, 99]) + b"\1" + len(packed).to_bytes(4, "big") + packed + b"\0\0\0\0\0"
    bomb = zlib.compress(bytes(5000))
    yield b"\1\xff\1" + len(bomb).to_bytes(4, "big") + bomb


def main() -> None:
    counts: dict[str, int] = {}
    for target, content in seeds():
        counts[target] = number = counts.get(target, 0) + 1
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"seed-{number}").write_bytes(content)


if __name__ == "__main__":
    main()
