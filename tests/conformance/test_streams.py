"""Models that answer any number of times: over a gRPC stream, and over HTTP as server-sent events."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import httpx
import numpy as np
import pytest
import tritonclient.grpc
from tritonclient.grpc import service_pb2 as messages
from tritonclient.utils import InferenceServerException

from tests.conformance.behaviours import Gate, wait_for
from tests.conformance.callers import INT32, Caller, calling
from tests.grpc_client import request, stub_of
from tests.running_server import RunningServer

FINAL = "triton_final_response"


def repeat(values: list[int]) -> dict[str, np.ndarray]:
    """Inputs of `repeat_int32`: one answer for each value."""
    return {"IN": np.int32(values), "DELAY": np.uint32([0] * len(values)), "WAIT": np.uint32([0])}


def streamed(server: RunningServer, *asked: messages.ModelInferRequest) -> list[messages.ModelStreamInferResponse]:
    with stub_of(server) as stub:
        return list(stub.ModelStreamInfer(iter(asked), timeout=60))


def first_output(reply: messages.ModelStreamInferResponse) -> list[int]:
    return np.frombuffer(reply.infer_response.raw_output_contents[0], np.int32).tolist()  # type: ignore[no-any-return]


def is_final(reply: messages.ModelStreamInferResponse) -> bool:
    return bool(reply.infer_response.parameters[FINAL].bool_param)


@pytest.mark.parametrize("values", [[], [7], list(range(10)), list(range(1000))], ids=len)
@pytest.mark.parametrize("wants_end", [False, True])
def test_any_number_of_answers(server: RunningServer, values: list[int], wants_end: bool) -> None:
    asked = request("repeat_int32", "an id", **repeat(values))
    asked.parameters["triton_enable_empty_final_response"].bool_param = wants_end
    replies = streamed(server, asked)
    assert all(reply.infer_response.id == "an id" for reply in replies)
    if wants_end:
        end = replies.pop()
        assert (is_final(end), len(end.infer_response.outputs), end.infer_response.model_name) == (
            True,
            0,
            "repeat_int32",
        )
    assert [first_output(reply) for reply in replies] == [[value] for value in values]
    assert not any(is_final(reply) for reply in replies)


def test_a_model_that_answers_once_is_final_at_once(server: RunningServer) -> None:
    (reply,) = streamed(server, request("simple", INPUT0=INT32, INPUT1=INT32))
    assert is_final(reply)


def test_requests_that_answer_once_are_answered_in_their_order(server: RunningServer) -> None:
    asked = [request("simple", str(number), INPUT0=INT32, INPUT1=INT32) for number in range(200)]
    assert [reply.infer_response.id for reply in streamed(server, *asked)] == [str(number) for number in range(200)]


def test_decoupled_requests_wait_for_no_one(server: RunningServer, gate: Gate) -> None:
    held, quick = request("held", "held", x=np.int32([[1]])), request("repeat_int32", "quick", **repeat([1]))
    with stub_of(server) as stub:
        replies = stub.ModelStreamInfer(iter([held, quick]), timeout=60)
        assert next(replies).infer_response.id == "quick"
        gate.open()
        assert [reply.infer_response.id for reply in replies] == ["held"]


def test_an_error_leaves_the_stream_open(server: RunningServer) -> None:
    """Before the first answer, after some, and of a model that is not there."""
    failing = request("mock_llm", "failing", PROMPT=np.array([[b"a"]], object), STREAM=np.array([[True]]))
    failing.parameters["REPETITION"].int64_param = 2
    failing.parameters["FAIL_LAST"].bool_param = True
    replies = streamed(
        server,
        request("nope", "first", INPUT0=INT32),
        failing,
        request("simple", "third", INPUT0=INT32[:, :3], INPUT1=INT32),
        request("simple", "last", INPUT0=INT32, INPUT1=INT32),
    )
    errors = {reply.infer_response.id: reply.error_message for reply in replies if reply.error_message}
    assert errors.keys() == {"first", "failing", "third"}
    assert "Request for unknown model: 'nope' is not found" in errors["first"]
    assert "an error on last response" in errors["failing"]
    assert "unexpected shape for input 'INPUT0'" in errors["third"]
    answered = [reply.infer_response.id for reply in replies if not reply.error_message]
    assert (answered.count("failing"), answered.count("last")) == (2, 1)


def test_who_asks_for_it_gets_the_first_error_as_the_streams_end(server: RunningServer) -> None:
    with stub_of(server) as stub:
        asked = iter([request("nope", INPUT0=INT32)])
        with pytest.raises(Exception, match="Request for unknown model: 'nope' is not found"):
            list(stub.ModelStreamInfer(asked, metadata=[("triton_grpc_error", "true")], timeout=30))


def counting(caller: Caller) -> dict[str, Any]:
    """A request to a model that answers for ever, and takes one request at a time."""
    return {"model_name": "endless_tokens", "inputs": [caller.tensor("START", np.int64([0]), "INT64")]}


@pytest.fixture
def closed(example_models: Path) -> Iterator[Path]:
    """What the endless model touches when it is ended."""
    path = example_models / "endless_tokens" / "1" / "closed"
    path.unlink(missing_ok=True)
    yield path
    path.unlink(missing_ok=True)


async def test_a_stream_that_is_cancelled_ends_its_requests(server: RunningServer, closed: Path) -> None:
    async with calling("grpc", server) as caller:
        for _ in range(2):  # the second finds the place free
            answers: SimpleQueue[Any] = SimpleQueue()
            caller.client.start_stream(lambda result, error: answers.put((result, error)))  # noqa: B023
            caller.client.async_stream_infer(**counting(caller))
            result, error = answers.get(timeout=30)
            assert (error, result.as_numpy("N").tolist()) == (None, [0])
            caller.client.stop_stream(cancel_requests=True)
            wait_for(closed)
            closed.unlink()


async def test_a_cancelled_iterator_ends_its_requests(server: RunningServer, closed: Path) -> None:
    async with calling("grpc.aio", server) as caller:

        async def requests() -> AsyncIterator[dict[str, Any]]:
            yield counting(caller)

        answers = caller.client.stream_infer(requests())
        result, _ = await anext(answers)
        assert result.as_numpy("N").tolist() == [0]
        assert answers.cancel()
    wait_for(closed)


async def test_a_stream_whose_time_is_up_ends_its_requests(server: RunningServer, closed: Path) -> None:
    answers: SimpleQueue[Any] = SimpleQueue()
    async with calling("grpc", server) as caller:
        caller.client.start_stream(lambda result, error: answers.put(error or result), stream_timeout=0.5)
        caller.client.async_stream_infer(**counting(caller))
        while not isinstance(answer := answers.get(timeout=30), InferenceServerException):
            pass
        assert "Deadline Exceeded" in str(answer)
    wait_for(closed)


def test_a_call_that_is_cancelled_leaves_the_queue(server: RunningServer, gate: Gate) -> None:
    with tritonclient.grpc.InferenceServerClient(server.grpc_address) as client:
        tensor = tritonclient.grpc.InferInput("x", [1, 1], "INT32")
        tensor.set_data_from_numpy(np.int32([[1]]))
        ends: SimpleQueue[Any] = SimpleQueue()
        calls = []
        for waiting in (0, 1):  # one runs, one waits
            calls.append(client.async_infer("held", [tensor], lambda result, error: ends.put(error or result)))
            gate.wait_until_entered()
            server.wait_for_pending("held", waiting)
        calls[1].cancel()
        assert isinstance(ends.get(timeout=30), InferenceServerException)
        server.wait_for_pending("held", 0)
        gate.open()
        assert ends.get(timeout=30).as_numpy("y").tolist() == [[1]]


PROMPT = {"PROMPT": "hello", "STREAM": False}


def generate(server: RunningServer, route: str, **members: Any) -> httpx.Response:
    return httpx.post(f"{server.url}/v2/models/mock_llm/{route}", json={**PROMPT, **members}, timeout=30)


def events(reply: httpx.Response) -> list[dict[str, Any]]:
    """As a reader of server-sent events has them."""
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    *frames, rest = reply.text.split("\n\n")
    assert rest == ""
    assert all(frame.startswith("data: ") and "\n" not in frame for frame in frames)
    return [json.loads(frame.removeprefix("data: ")) for frame in frames]


def test_generate_is_one_answer(server: RunningServer) -> None:
    reply = generate(server, "generate", id="an id")
    assert reply.json() == {"TEXT": "hello", "id": "an id", "model_name": "mock_llm", "model_version": "1"}
    assert generate(server, "generate", REPETITION=1, PROMPT=["hello"]).json()["TEXT"] == "hello"


@pytest.mark.parametrize("count", [0, 2])
def test_generate_is_not_for_other_counts(server: RunningServer, count: int) -> None:
    reply = generate(server, "generate", parameters={"REPETITION": count})
    assert reply.status_code == 400
    assert "generate expects model to produce exactly 1 response" in reply.json()["error"]


@pytest.mark.parametrize("count", [0, 1, 5])
def test_an_event_for_each_answer(server: RunningServer, count: int) -> None:
    found = events(generate(server, "generate_stream", REPETITION=count, PROMPT="a\nb\n\nc"))
    assert found == [{"TEXT": "a\nb\n\nc", "model_name": "mock_llm", "model_version": "1"}] * count


def test_an_error_after_answers_is_the_last_event(server: RunningServer) -> None:
    *answers, last = events(generate(server, "generate_stream", REPETITION=2, FAIL_LAST=True))
    assert (len(answers), last.keys()) == (2, {"error"})
    assert "an error on last response" in last["error"]


@pytest.mark.parametrize("route", ["generate", "generate_stream"])
def test_an_error_before_answers_is_the_reply(server: RunningServer, route: str) -> None:
    reply = generate(server, route, FAIL_FIRST=True)
    assert (reply.status_code, reply.headers["content-type"]) == (500, "application/json")
    assert "failed before the first response" in reply.json()["error"]


@pytest.mark.parametrize("route", ["generate", "generate_stream"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"PROMPT":"a"}', "expected 2 inputs but got 1 inputs for model 'mock_llm'"),
        (b'{"PROMPT":"a","PROMPT":"b","STREAM":false}', "input 'PROMPT' already exists in request"),
        (b'{"PROMPT":["a","b","c"],"STREAM":false}', "'PROMPT'"),
        (b'{"PROMPT":"a","STREAM":false,"X":{}}', "parameter 'X' has invalid type"),
        (b'{"PROMPT":"a","STREAM":false,"parameters":1}', "Expected JSON object for keyword: 'parameters'"),
        (b'{"PROMPT":"a","STREAM":false,"parameters":{"X":[]}}', "Converting keyword: 'parameters': parameter 'X'"),
    ],
)
def test_wrong_bodies(server: RunningServer, route: str, body: bytes, words: str) -> None:
    reply = httpx.post(f"{server.url}/v2/models/mock_llm/{route}", content=body)
    assert (reply.status_code, reply.headers["content-type"]) == (400, "application/json")
    assert words in reply.json()["error"]


def test_generate_is_for_ordinary_models_too(server: RunningServer) -> None:
    row = list(range(16))
    for route in ("simple/generate", "simple/versions/1/generate"):
        reply = httpx.post(f"{server.url}/v2/models/{route}", json={"INPUT0": row, "INPUT1": row})
        assert (reply.json()["OUTPUT0"], reply.json()["OUTPUT1"]) == ([2 * value for value in row], [0] * 16)


def test_a_reader_of_events_that_hangs_up_ends_its_request(server: RunningServer, closed: Path) -> None:
    url = f"{server.url}/v2/models/endless_tokens/generate_stream"
    with httpx.stream("POST", url, json={"START": 0}, timeout=30) as reply:
        assert next(reply.iter_lines()) == 'data: {"N":0,"model_name":"endless_tokens","model_version":"1"}'
    wait_for(closed)


def test_responses_are_counted_by_how_they_ended(server: RunningServer) -> None:
    """The third does not come because the model fails."""
    before = response_counts(server, "mock_llm", "fail").get("2", 0)
    failing = request("mock_llm", "failing", PROMPT=np.array([[b"a"]], object), STREAM=np.array([[True]]))
    failing.parameters["REPETITION"].int64_param = 2
    failing.parameters["FAIL_LAST"].bool_param = True
    streamed(server, failing)
    assert response_counts(server, "mock_llm", "fail")["2"] == before + 1


def test_a_caller_that_left_is_counted_too(server: RunningServer, closed: Path) -> None:
    before = sum(response_counts(server, "endless_tokens", "cancel").values())
    url = f"{server.url}/v2/models/endless_tokens/generate_stream"
    with httpx.stream("POST", url, json={"START": 0}, timeout=30) as reply:
        next(reply.iter_lines())
    wait_for(closed)
    assert sum(response_counts(server, "endless_tokens", "cancel").values()) == before + 1


def response_counts(server: RunningServer, model: str, outcome: str) -> dict[str, int]:
    """By the number of the response in its request."""
    (row,) = httpx.get(f"{server.url}/v2/models/{model}/stats").json()["model_stats"]
    return {number: durations[outcome]["count"] for number, durations in row["response_stats"].items()}
