import asyncio
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from tritonclient.grpc.service_pb2 import ModelInferResponse, ModelStreamInferResponse

from loadtests.call import Call
from loadtests.clients.grpc import GrpcClient
from loadtests.clients.trust import Trust
from loadtests.outcomes import NO_ANSWER, TIMED_OUT
from tests.loadtests.certificates import grpc_server


class Answers(grpc.GenericRpcHandler):
    """/code/NAME fails with it, /metadata/NAME answers if the caller sent it, /sleep waits, /stream/N answers N times
    and /broken once before an error."""

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        _, kind, what = (*details.method.split("/"), "")[:3]
        if kind in ("stream", "broken"):
            return grpc.stream_stream_rpc_method_handler(lambda _, __: _messages(kind, what))
        return grpc.unary_unary_rpc_method_handler(lambda _, context: _answer(kind, what, context))


def _answer(kind: str, what: str, context: grpc.ServicerContext) -> bytes:
    if kind == "code":
        context.abort(grpc.StatusCode[what], "told to")
    if kind == "metadata" and what not in dict(context.invocation_metadata()):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "who?")
    if kind == "sleep":
        time.sleep(0.5)
    return b"x"


def _messages(kind: str, what: str) -> Iterator[bytes]:
    count = int(what) if kind == "stream" else 1
    for _ in range(count):
        yield ModelStreamInferResponse(infer_response=ModelInferResponse(model_name="m")).SerializeToString()
    if kind == "broken":
        yield ModelStreamInferResponse(error_message="the model broke").SerializeToString()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with grpc_server(Answers()) as address:
        yield address


def client(url: str, timeout: float = 10.0, **headers: str) -> GrpcClient:
    return GrpcClient(url, tuple(headers.items()), timeout, Trust())


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("INVALID_ARGUMENT", 400),
        ("UNAUTHENTICATED", 401),
        ("NOT_FOUND", 404),
        ("RESOURCE_EXHAUSTED", 429),
        ("INTERNAL", 500),
        ("UNIMPLEMENTED", 501),
        ("UNAVAILABLE", 503),
        ("DEADLINE_EXCEEDED", 504),
    ],
)
async def test_codes_are_told_as_the_statuses_that_they_are_in_http(url: str, code: str, status: int) -> None:
    asking = client(url)
    reply = await asking.send(Call(f"/code/{code}"))
    assert (reply.status, reply.message) == (status, "told to")
    await asking.close()


async def test_headers_are_sent_as_metadata(url: str) -> None:
    asking = client(url, Key="7")
    assert (await asking.send(Call("/metadata/key"))).status == 200
    assert (await asking.send(Call("/metadata/other", headers=(("other", "8"),)))).status == 200
    assert (await asking.send(Call("/metadata/other"))).status == 401
    await asking.close()


async def test_no_answer_within_the_deadline_is_late(url: str) -> None:
    asking = client(url, timeout=0.1)
    reply = await asking.send(Call("/sleep/"))
    assert (reply.status, reply.message) == (TIMED_OUT, "no answer within 0.1 s")
    await asking.close()


async def test_a_stream_is_told_by_its_responses(url: str) -> None:
    asking = client(url)
    reply = await asking.send(Call("/stream/4", stream=True))
    assert (reply.status, reply.tokens, len(reply.gaps)) == (200, 4, 3)
    hung_up = await asking.send(Call("/stream/9", stream=True, hang_up_after=2))
    assert (hung_up.status, hung_up.tokens) == (200, 2)
    broken = await asking.send(Call("/broken/", stream=True))
    assert (broken.status, broken.message) == (500, "the model broke")
    assert (await asking.send(Call("/stream/0", stream=True))).tokens == 0
    await asking.close()


async def test_busy_connections_are_spared(url: str) -> None:
    asking = client(url)
    replies = await asyncio.gather(*(asking.send(Call("/any/")) for _ in range(20)))
    assert {reply.status for reply in replies} == {200}
    assert len(asking._lines) == 3
    await asking.send(Call("/any/"))
    assert len(asking._lines) == 3
    await asking.close()


async def test_a_server_that_is_not_there_loses_the_request() -> None:
    with grpc_server(Answers()) as gone:
        asking = client(gone)
        under_way = asyncio.create_task(asking.send(Call("/sleep/")))
        assert (await asking.send(Call("/any/"))).status == 200
    for reply in (await under_way, await asking.send(Call("/any/"))):
        assert reply.status == NO_ANSWER
        assert "no connection" in reply.message
    await asking.close()
