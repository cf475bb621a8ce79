"""Every way to be refused, with its status over both protocols and the words that Triton's clients look for."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import grpc
import httpx
import pytest
from tritonclient.grpc import service_pb2 as messages

from tests.conformance.asking import Answer, Question, Tensor, over_grpc, over_http
from tests.conformance.behaviours import Gate
from tests.grpc_client import stub_of
from tests.running_server import RunningServer

Code = grpc.StatusCode
Ask = Callable[[RunningServer, Question], Answer]

ROW = list(range(16))
INPUT0, INPUT1 = (Tensor(name, "INT32", [1, 16], ROW) for name in ("INPUT0", "INPUT1"))
SIMPLE = Question("simple", [INPUT0, INPUT1])
HELD = Question("held", [Tensor("x", "INT32", [1, 1], [1])])
REPEAT = Question("repeat_int32", [Tensor("IN", "INT32", [1], [1])])


def simple(second: Tensor, **changes: Any) -> Question:
    return replace(SIMPLE, inputs=[INPUT0, second], **changes)


INVALID: dict[str, tuple[Question, str]] = {
    "unknown model": (
        replace(SIMPLE, model="nope"),
        "Request for unknown model: 'nope' is not found",
    ),
    "wrong datatype": (
        simple(Tensor("INPUT1", "INT64", [1, 0], [])),
        "inference input 'INPUT1' data-type is 'INT64', but model 'simple' expects 'INT32'",
    ),
    "unknown datatype": (
        simple(Tensor("INPUT1", "INT33", [1, 16], ROW)),
        "datatype 'INT33' is not one of",
    ),
    "wrong shape": (
        simple(Tensor("INPUT1", "INT32", [1, 17], [*ROW, 1])),
        "unexpected shape for input 'INPUT1' for model 'simple'. Expected [-1,16], got [1,17]",
    ),
    "wrong rank": (
        simple(Tensor("INPUT1", "INT32", [16], ROW)),
        "Expected [-1,16], got [16]",
    ),
    "too many rows": (
        replace(SIMPLE, inputs=[Tensor(name, "INT32", [9, 16], ROW * 9) for name in ("INPUT0", "INPUT1")]),
        "inference request batch-size must be <= 8 for 'simple'",
    ),
    "rows that differ": (
        simple(Tensor("INPUT1", "INT32", [2, 16], ROW * 2)),
        "input 'INPUT1' batch size does not match other inputs for 'simple'",
    ),
    "no rows": (
        replace(SIMPLE, inputs=[Tensor(name, "INT32", [0, 16], []) for name in ("INPUT0", "INPUT1")]),
        "batch-size must be at least 1",
    ),
    "negative dimension": (
        simple(Tensor("INPUT1", "INT32", [1, -16], ROW)),
        "INPUT1",
    ),
    "wrong name": (
        simple(replace(INPUT1, name="INPUT2")),
        "unexpected inference input 'INPUT2' for model 'simple'",
    ),
    "one input of two": (
        replace(SIMPLE, inputs=[INPUT0]),
        "expected 2 inputs but got 1 inputs for model 'simple'. Got input(s) ['INPUT0'], but missing required input(s) "
        "['INPUT1']. Please provide all required input(s).",
    ),
    "no inputs": (
        replace(SIMPLE, inputs=[]),
        "expected 2 inputs but got 0 inputs for model 'simple'",
    ),
    "an input twice": (
        replace(SIMPLE, inputs=[INPUT0, INPUT0, INPUT1]),
        "input 'INPUT0' already exists in request",
    ),
    "too few elements": (
        simple(replace(INPUT1, data=ROW[1:])),
        "[1,16] takes 16 elements, got 15",
    ),
    "too many elements": (
        simple(replace(INPUT1, data=[*ROW, 1])),
        "takes 16 elements, got",
    ),
    "elements of another kind": (
        simple(replace(INPUT1, data=["1"] * 16)),
        "'INPUT1'",
    ),
    "no data": (
        simple(replace(INPUT1, data=None)),
        "'INPUT1'",
    ),
    "unknown output": (
        replace(SIMPLE, outputs=[("OUTPUT9", {})]),
        "unexpected inference output 'OUTPUT9' for model 'simple'",
    ),
    "an output twice": (
        replace(SIMPLE, outputs=[("OUTPUT0", {}), ("OUTPUT0", {})]),
        "output 'OUTPUT0' already exists in request",
    ),
    "reserved parameter": (
        replace(SIMPLE, parameters={"triton_something": 1}),
        "parameter keys starting with 'triton_' are reserved for Triton usage",
    ),
    **{
        f"parameter {name} of another type": (
            replace(SIMPLE, parameters={name: value}),
            f"Unable to parse '{name}'",
        )
        for name, value in {
            "timeout": "soon",
            "priority": -1,
            "sequence_id": 1.5,
            "sequence_start": 1,
            "sequence_end": "no",
        }.items()
    },
    "classes and shared memory at once": (
        replace(SIMPLE, outputs=[("OUTPUT0", {"classification": 2, "shared_memory_region": "a"})]),
        "OUTPUT0",
    ),
    "no classes": (
        replace(SIMPLE, outputs=[("OUTPUT0", {"classification": 0})]),
        "classification",
    ),
    "classes of text": (
        Question("identity_bytes", [Tensor("IN", "BYTES", [1, 1], ["a"])], outputs=[("OUT", {"classification": 1})]),
        "class result not available for output 'OUT' due to unsupported type 'BYTES'",
    ),
    "no sequence": (
        Question("simple_sequence", [Tensor("INPUT", "INT32", [1, 1], [1])]),
        "inference request to model 'simple_sequence' must specify a non-zero or non-empty correlation ID",
    ),
}

OTHERS: dict[str, tuple[Question, int, grpc.StatusCode, str]] = {
    "unknown version": (
        replace(SIMPLE, version="9"),
        404,
        Code.NOT_FOUND,
        "Request for unknown model: 'simple' version 9 is not found",
    ),
    "unknown region of an input": (
        simple(replace(INPUT1, data=None, parameters={"shared_memory_region": "gone", "shared_memory_byte_size": 64})),
        404,
        Code.NOT_FOUND,
        "Unable to find shared memory region: 'gone'",
    ),
    "unknown region of an output": (
        replace(SIMPLE, outputs=[("OUTPUT0", {"shared_memory_region": "gone", "shared_memory_byte_size": 64})]),
        404,
        Code.NOT_FOUND,
        "Unable to find shared memory region: 'gone'",
    ),
    "decoupled by infer": (
        REPEAT,
        501,
        Code.UNIMPLEMENTED,
        "support models with decoupled transaction policy",
    ),
    "the model fails": (
        Question("lookup", [Tensor("index", "INT64", [1, 1], [7])]),
        500,
        Code.INTERNAL,
        "the model failed on this request",
    ),
}

WRONG = {
    **{name: (question, 400, Code.INVALID_ARGUMENT, words) for name, (question, words) in INVALID.items()},
    **OTHERS,
}


@pytest.mark.parametrize("name", WRONG)
def test_over_http(server: RunningServer, name: str) -> None:
    question, status, _, words = WRONG[name]
    answer = over_http(server, question)
    assert (answer.status, words in answer.message) == (status, True), answer.message
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", WRONG)
def test_over_grpc(server: RunningServer, name: str) -> None:
    question, _, code, words = WRONG[name]
    answer = over_grpc(server, question)
    assert (answer.status, words in answer.message) == (code, True), answer.message


def test_a_wrong_request_costs_its_neighbour_nothing(server: RunningServer) -> None:
    assert over_http(server, SIMPLE).outputs["OUTPUT0"] == [2 * value for value in ROW]
    assert over_grpc(server, SIMPLE).status == Code.OK


both = pytest.mark.parametrize(("ask", "refused"), [(over_http, 503), (over_grpc, Code.UNAVAILABLE)])


@both
def test_a_queue_that_is_full(server: RunningServer, gate: Gate, ask: Ask, refused: Any) -> None:
    with ThreadPoolExecutor() as pool:
        waiting = two_that_wait(pool, server, gate, ask, HELD)
        answer = ask(server, HELD)
        gate.open()
        assert all(future.result().message == "" for future in waiting)
    assert (answer.status, "Exceeds maximum queue size" in answer.message) == (refused, True)
    if ask is over_http:
        assert answer.headers["retry-after"] == "1"


@both
def test_a_request_that_waited_too_long(server: RunningServer, gate: Gate, ask: Ask, refused: Any) -> None:
    with ThreadPoolExecutor() as pool:
        first = pool.submit(ask, server, HELD)
        gate.wait_until_entered()
        second = pool.submit(ask, server, replace(HELD, parameters={"timeout": 1}))
        gate.open()
        assert first.result().message == ""
        assert second.result().status == refused
        words = ("Request timeout expired", "would expire before it is answered", "could not be answered in time")
        assert any(each in second.result().message for each in words), "also where it is seen when it comes"


def two_that_wait(
    pool: ThreadPoolExecutor, server: RunningServer, gate: Gate, ask: Ask, second: Question
) -> list["Future[Answer]"]:
    """One in the model, one in its queue, which is then full."""
    futures = [pool.submit(ask, server, HELD)]
    gate.wait_until_entered()
    futures.append(pool.submit(ask, server, second))
    server.wait_for_pending("held", 1)
    return futures


SHARED = {"shared_memory_region": "a", "shared_memory_byte_size": 64}


@pytest.mark.parametrize("shared", [simple(replace(INPUT1, data=None, parameters=SHARED))])
def test_shared_memory_is_off_unless_it_was_allowed(plain_server: RunningServer, shared: Question) -> None:
    words = "Client shared memory is disabled. Start the server with"
    for answer, expected in (
        (over_http(plain_server, shared), 501),
        (over_grpc(plain_server, shared), Code.UNIMPLEMENTED),
    ):
        assert (answer.status, words in answer.message) == (expected, True)
    register = {"key": "/a", "byte_size": 64}
    reply = httpx.post(f"{plain_server.url}/v2/systemsharedmemory/region/a/register", json=register)
    assert (reply.status_code, words in reply.json()["error"]) == (501, True)
    assert httpx.get(f"{plain_server.url}/v2/systemsharedmemory/status").json() == []


@pytest.mark.parametrize("action", ["load", "unload"])
def test_control_is_refused_unless_it_was_allowed(plain_server: RunningServer, action: str) -> None:
    words = "explicit model load / unload is not allowed if polling is enabled"
    reply = httpx.post(f"{plain_server.url}/v2/repository/models/simple/{action}")
    assert (reply.status_code, words in reply.json()["error"]) == (503, True)
    method, message = f"RepositoryModel{action.capitalize()}", f"RepositoryModel{action.capitalize()}Request"
    with stub_of(plain_server) as stub, pytest.raises(grpc.RpcError) as failure:
        getattr(stub, method)(getattr(messages, message)(model_name="simple"))
    assert (failure.value.code(), words in failure.value.details()) == (Code.UNAVAILABLE, True)


@pytest.mark.parametrize("version", ["one", "1x", "-1", "01", "1.0"])
def test_versions_that_are_none(server: RunningServer, version: str) -> None:
    answer = over_grpc(server, replace(SIMPLE, version=version))
    assert answer.status == Code.INVALID_ARGUMENT
    assert "version should be an integral value > 0" in answer.message


def test_a_call_that_is_not_there(server: RunningServer) -> None:
    with grpc.insecure_channel(server.grpc_address) as channel, pytest.raises(grpc.RpcError) as failure:
        channel.unary_unary("/inference.GRPCInferenceService/Nope")(b"")
    assert failure.value.code() == Code.UNIMPLEMENTED
