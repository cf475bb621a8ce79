"""What a server recorded is asked of it again."""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from loadtests.asking import CannotTest
from loadtests.command import loadtest
from loadtests.inputs.model import Model
from loadtests.replaying import recorded
from loadtests.result_file import read
from loadtests.trace_file import RecordedRequest, RecordedTensor, Trace, read_trace
from serving.core.requests import TensorSpec
from tests import tiny_models
from tests.grpc_client import request, stub_of
from tests.running_server import RunningServer, running, until

INFER = "/v2/models/double/infer"
TENSOR = {"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}
CLASSIFY = "/v1/models/double/classify?top_k=2"


def trace(*requests: RecordedRequest, rate: float = 1.0) -> Trace:
    return Trace("1", datetime(2026, 1, 1, tzinfo=UTC), rate, True, requests)


def nobody(name: str) -> Model:
    raise CannotTest(f"there is no {name}")


def ask(server: RunningServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        for number in range(5):
            assert client.post(INFER, json={"inputs": [TENSOR], "id": str(number)}).status_code == 200
            assert client.post(INFER, json={"inputs": []}).status_code == 400
    with stub_of(server) as stub:
        stub.ModelInfer(request("double", x=tiny_models.ROW))


def kinds(requests: Iterable[RecordedRequest]) -> Counter[tuple[object, ...]]:
    return Counter((each.path, each.body, each.status) for each in requests)


@pytest.mark.parametrize("bodies", [True, False])
def test_what_was_recorded_is_asked_again_at_its_times(tmp_path: Path, bodies: bool) -> None:
    """All with bodies; without them those that had tensors."""
    tiny_models.add_double(tmp_path / "models")
    first, second, result = tmp_path / "first.jsonl", tmp_path / "second.jsonl", tmp_path / "result.json"
    with running(tmp_path / "models", record_file=first, record_rate=1, record_bodies=bodies) as server:
        ask(server)
    with running(tmp_path / "models", record_file=second, record_rate=1) as server:
        words = [server.url, "--replay", str(first), "--speed", "0.5", "--json", str(result)]
        done = CliRunner().invoke(loadtest, words)
        until(lambda: len(read_trace(second).requests) >= (10 if bodies else 5), "all were recorded again")
    before = [each for each in read_trace(first).requests if each.protocol == "http" and (each.body or each.tensors)]
    after = read_trace(second).requests
    told = " ".join(done.output.split())
    assert "1 recorded requests left out: each came over grpc" in told
    if bodies:
        assert kinds(after) == kinds(before)
    else:
        assert [(each.path, each.status) for each in after] == [(INFER, 200)] * 5
        assert "5 requests were recorded without bodies" in told
    [run] = read(result).runs
    assert run.load == {"kind": "replay", "requests": len(after)}
    assert run.seconds == pytest.approx((before[-1].at - before[0].at) / 0.5, abs=0.01)


def test_times_count_from_the_first_and_may_run_faster() -> None:
    found = recorded(
        trace(*(RecordedRequest(at, "http", "POST", "/p", body=b"{}") for at in (3.0, 4.0, 7.0))), "http", 2.0, nobody
    )
    assert found.load.times == (0.0, 0.5, 2.0)


def test_requests_over_grpc_are_sent_as_they_were() -> None:
    rpc = RecordedRequest(1.0, "grpc", rpc="ModelStreamInfer", stream=0, body=b"message")
    [call] = recorded(trace(rpc), "grpc", 1.0, nobody).calls
    assert (call.path, call.body, call.stream) == ("/inference.GRPCInferenceService/ModelStreamInfer", b"message", True)


def test_tensors_without_a_body_are_made_up_in_their_shape() -> None:
    model = Model("m", (TensorSpec("x", "FP32", (-1, 4)),), max_batch_size=8)
    asked = RecordedRequest(
        1.0, "http", "POST", "/v2/models/m/infer", model="m", tensors=(RecordedTensor("x", "FP32", (3, 4)),)
    )
    found = recorded(trace(asked), "http", 1.0, lambda _: model)
    header = json.loads(found.calls[0].body[: int(dict(found.calls[0].headers)["Inference-Header-Content-Length"])])
    assert (header["inputs"][0]["shape"], found.calls[0].rows, found.made_up) == ([3, 4], 3, 1)


def test_texts_without_a_body_are_made_up_as_long_as_they_were() -> None:
    asked = RecordedRequest(
        1.0, "http", "POST", "/v1/completions", model="m", events=3, characters=50, settings={"stream": True}
    )
    [call] = recorded(trace(asked), "http", 1.0, nobody).calls
    body = json.loads(call.body)
    assert (len(body.pop("prompt")), body, call.stream) == (50, {"model": "m", "stream": True}, True)


def test_what_can_not_be_sent_again_is_told() -> None:
    picture = RecordedRequest(1.0, "http", "POST", CLASSIFY, model="m", size=700)
    with pytest.raises(CannotTest, match=r"nothing of the recording.*nothing that says what was in it \(2\)"):
        recorded(trace(picture, picture), "http", 1.0, nobody)


def test_one_model_of_several_may_be_meant() -> None:
    several = trace(*(RecordedRequest(1.0, "http", "POST", f"/{name}", model=name, body=b"") for name in "aba"))
    found = recorded(several, "http", 1.0, nobody, only="a")
    assert (len(found.calls), found.models) == (2, ("a",))
    assert found.left_out == {"is for another model than --model a": 1}


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1", "no server answers"),
        ("grpc://127.0.0.1:1", "no gRPC server answers"),
        ("grpcs://127.0.0.1:1 --insecure", "no server answers"),
        ("127.0.0.1:1", "is no address"),
        ("https://127.0.0.1:1 --ca-file /nowhere", "--ca-file /nowhere"),
    ],
)
def test_what_keeps_it_from_beginning_is_told_at_once(tmp_path: Path, url: str, words: str) -> None:
    head = '{"slipway_trace":1,"server_version":"1","started":"2026-01-01T00:00:00+00:00","rate":1.0,"bodies":true}\n'
    (tmp_path / "trace.jsonl").write_text(head)
    done = CliRunner().invoke(loadtest, [*url.split(), "--replay", str(tmp_path / "trace.jsonl")])
    assert done.exit_code == 2
    assert words in done.stderr


def test_a_file_that_is_no_recording_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text("{}\n")
    done = CliRunner().invoke(loadtest, ["http://localhost:1", "--replay", str(tmp_path / "t.jsonl")])
    assert done.exit_code == 2
    assert "begins with a 'slipway_trace'" in " ".join(done.stderr.split())
