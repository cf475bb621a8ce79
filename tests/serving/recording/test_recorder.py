"""What a server records is what it was asked, and nothing that is secret; the load test's reader reads it."""

import gzip
import json
import os
import stat
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import pytest

from loadtests.trace_file import RecordedRequest, RecordedTensor, Trace, read_trace
from serving.recording.calls import Answer, HttpCall
from serving.recording.record_file import RecordFileUnusable
from serving.recording.recorder import Recorder, Recording
from tests import python_models, tiny_models
from tests.grpc_client import Conversation, ask_mock_llm, channel_to, request, stub_of
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_fast_path import ROW, connected, message, replies, tensor_of

SECRET = "sesame"
SECRETS = b"Authorization: Bearer %b\r\nCookie: a=%b\r\nX-Api-Key: %b\r\n" % ((SECRET.encode(),) * 3)
TENSOR = RecordedTensor("x", "FP32", (1, 4))
AS_JSON = json.dumps({"id": "eight", "inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1] * 4}]})
INFER = "/v2/models/double/infer"
CHAT = {"model": "nobody", "stream": False, "max_tokens": 5, "messages": [{"role": "user", "content": "open, please"}]}
MESSAGE = request("double", "nine", x=ROW)
LARGE = np.arange(100_000, dtype=np.float32).reshape(1, -1)
ASKED = 10


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("recorded")
    tiny_models.add_double(root)
    tiny_models.add_identity(root, "identity", "TYPE_FP32", "float")
    python_models.add_mock_llm(root)
    return root


@contextmanager
def recording(root: Path, file: Path, **settings: Any) -> Iterator[RunningServer]:
    with running(root, record_file=file, record_rate=1, **settings) as server:
        yield server


def ask(server: RunningServer) -> None:
    """One of each kind, in the order of their lines; `ASKED` of them are of interest to a recording."""
    with connected(server) as connection:
        connection.sendall(message(ROW, id="seven", extra=SECRETS + b"X-Request-Timeout-Ms: 60000\r\n"))
        assert tensor_of(replies(connection, 1)[0]) == [2, 4, 6, 8]
        connection.sendall(message(LARGE, path="/v2/models/identity/infer", name="in"))
        assert tensor_of(replies(connection, 1)[0]) == LARGE[0].tolist()
    headers = {"Authorization": SECRET, "Content-Type": "application/json"}
    with httpx.Client(base_url=server.url, headers=headers, cookies={"session": SECRET}) as client:
        assert client.post(INFER, content=AS_JSON).status_code == 200
        packed = client.post(INFER, content=gzip.compress(AS_JSON.encode()), headers={"Content-Encoding": "gzip"})
        assert packed.status_code == 200
        client.post(f"/v1/models/double/classify?top_k=2&api_key={SECRET}", content=b'{"inputs":[1,2,3,4]}')
        prompt = json.dumps({"PROMPT": "hello", "STREAM": True, "REPETITION": 3})
        assert client.post("/v2/models/mock_llm/versions/1/generate_stream", content=prompt).text.count("data:") == 3
        assert client.post("/v1/chat/completions", json=CHAT).status_code == 404
        for path in ("/v2/health/ready", "/v2/models/double", "/v2/models/stats"):
            assert client.get(path).status_code == 200
        client.post("/v2/repository/index")
    with stub_of(server) as stub:
        stub.ModelInfer(MESSAGE, timeout=60, metadata=[("authorization", SECRET)])
        with pytest.raises(grpc.RpcError):
            stub.ModelInfer(request("nobody", x=ROW))
        conversation = Conversation(stub, authorization=SECRET)
        asked = ask_mock_llm("hello", REPETITION=2)
        asked.id = "ten"
        conversation.send(asked)
        assert len(conversation.end()) == 2


def base64_of(data: bytes) -> str:
    return b64encode(data).decode()[:12]


def read(file: Path) -> Trace:
    assert SECRET not in file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    return read_trace(file)


def test_a_recording_asks_the_same_again(root: Path, tmp_path: Path) -> None:
    """With two processes that take connections; the other tests have one."""
    file = tmp_path / "trace.jsonl"
    with recording(root, file, http_workers=2) as server:
        ask(server)
        until(lambda: server.metric("slipway_recorded_requests_total") == ASKED)
        trace = read(file)
        found = [asked_again(server, each) for each in trace.requests]
    assert found == [each.status for each in trace.requests]
    assert [each.at for each in trace.requests] == sorted(each.at for each in trace.requests)
    assert (trace.rate, trace.bodies) == (1, True)
    binary, large, as_json, packed, classified, streamed, chat, one, failed, call = trace.requests
    assert binary.path == as_json.path == packed.path == INFER
    assert binary.headers == {
        "content-type": "application/octet-stream",
        "inference-header-content-length": str(len(binary.body or b"") - ROW.nbytes),
        "x-request-timeout-ms": "60000",
    }
    assert (binary.model, binary.id, binary.status, binary.size) == ("double", "seven", 200, len(binary.body or b""))
    assert 0 < binary.duration < 60
    assert (large.body or b"").endswith(LARGE.tobytes())
    assert binary.answered > ROW.nbytes
    assert (as_json.body, as_json.id) == (AS_JSON.encode(), "eight")
    assert gzip.decompress(packed.body or b"") == AS_JSON.encode()
    assert (packed.headers["content-encoding"], packed.id) == ("gzip", "eight")
    assert classified.path == "/v1/models/double/classify?top_k=2"
    assert (streamed.version, streamed.events, streamed.status) == ("1", 3, 200)
    assert 0 < (streamed.first_byte or 0) <= streamed.duration
    assert (chat.model, chat.status, json.loads(chat.body or b"")) == ("nobody", 404, CHAT)
    assert (one.rpc, one.model, one.id, one.status) == ("ModelInfer", "double", "nine", "OK")
    assert 0 < int(one.headers["grpc-timeout"].removesuffix("m")) <= 60000
    assert one.body == MESSAGE.SerializeToString()
    assert (failed.status, failed.answered) == ("INVALID_ARGUMENT", 0)
    assert (call.rpc, call.stream, call.events, call.status) == ("ModelStreamInfer", 0, 2, "OK")


def asked_again(server: RunningServer, recorded: RecordedRequest) -> int | str:
    if recorded.protocol == "http":
        url = server.url + recorded.path
        return httpx.request(recorded.method, url, content=recorded.body, headers=dict(recorded.headers)).status_code
    with channel_to(server) as channel:
        method = f"/inference.GRPCInferenceService/{recorded.rpc}"
        is_stream = recorded.stream is not None
        kind = channel.stream_stream if is_stream else channel.unary_unary
        rpc = kind(method, request_serializer=None, response_deserializer=None)
        try:
            list(rpc(iter([recorded.body]))) if is_stream else rpc(recorded.body)
        except grpc.RpcError as error:
            return str(error.code().name)
    return "OK"


def test_without_bodies_only_shapes_and_sizes_are_told(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    file.write_text("an earlier one\n")
    with recording(root, file, record_bodies=False) as server:
        ask(server)
    trace = read(file)
    assert not trace.bodies
    assert [each.body for each in trace.requests] == [None] * ASKED
    assert all(each.size for each in trace.requests)
    assert not any(text in file.read_text() for text in ("please", "hello", base64_of(ROW.tobytes())))
    binary, large, as_json, packed, _, streamed, chat, one, _, call = trace.requests
    assert binary.tensors == as_json.tensors == packed.tensors == one.tensors == (TENSOR,)
    assert large.tensors == (RecordedTensor("in", "FP32", LARGE.shape),)
    assert (streamed.characters, streamed.tensors) == (len("hello"), ())
    assert (chat.settings, chat.characters) == ({"max_tokens": 5, "stream": False}, len("open, please"))
    assert [each.name for each in call.tensors] == ["PROMPT", "STREAM"]
    assert Path(f"{file}.1").read_text() == "an earlier one\n"


def test_the_file_grows_no_larger_than_it_may(root: Path, tmp_path: Path) -> None:
    file = tmp_path / "trace.jsonl"
    with recording(root, file, record_max_bytes=1200) as server:
        with httpx.Client(base_url=server.url) as client:
            assert {client.post(INFER, content=AS_JSON).status_code for _ in range(10)} == {200}
        until(lambda: server.metric('slipway_recording_dropped_requests_total{reason="size"}'))
        written = server.metric("slipway_recorded_requests_total")
    assert 0 < file.stat().st_size <= 1200
    assert len(read_trace(file).requests) == written == 2


def test_a_file_that_can_not_be_written_is_said_at_the_start(root: Path, tmp_path: Path) -> None:
    for path, why in ((tmp_path / "no" / "trace.jsonl", "No such file"), (Path("/dev/full"), "No space left")):
        with pytest.raises(RecordFileUnusable, match=f"--record-file: {path} .*{why}"), recording(root, path):
            pass


def call(size: int) -> HttpCall:
    return HttpCall(1.0, INFER, (), (bytes(size),), size, Answer(200, 0.1, 1))


def test_what_can_not_be_written_is_dropped_and_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """By a pipe whose reader does not read, and then is gone."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    recorder = Recorder(Recording(pipe, 1, True, 1 << 40))
    for _ in range(80):
        recorder.put(call(1 << 20))
    assert recorder.dropped["queue"] >= 80 - 64
    os.close(reader)
    until(lambda: recorder.dropped.total() == 80)
    recorder.close()
    assert (recorder.written, recorder.dropped["disk"]) == (0, 80 - recorder.dropped["queue"])
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
        "requests are not recorded: more comes than can be written",
        "requests are not recorded: the disk refuses it",
    ]


def test_a_part_of_the_requests_is_chosen(tmp_path: Path) -> None:
    recorder = Recorder(Recording(tmp_path / "trace.jsonl", 0.25, True, 1 << 20))
    chosen = sum(recorder.chooses() for _ in range(20_000))
    recorder.close()
    assert 4500 < chosen < 5500  # eight standard deviations
