import asyncio
import socket

import pytest

from loadtests.benchmarks.callers import Answer, infer
from loadtests.benchmarks.departing import Sent, send, slipped
from tests.loadtests.benchmarks.test_callers import OK, peer
from tests.running_server import RunningServer


async def test_answers_come_in_the_order_in_which_requests_leave(tiny_server: RunningServer) -> None:
    calls = [infer("double", number, 2, 3, 4) for number in range(300)] + [infer("gone", 1)]
    sent = await send(tiny_server.http_port, [(number * 1e-3, call) for number, call in enumerate(calls)])
    assert [each.answer.status for each in sent] == [200] * 300 + [400]
    for number, each in enumerate(sent[:300]):
        assert f"[{2.0 * number:.1f},".encode() in each.answer.body.replace(b" ", b"")
        assert each.answer.planned == number * 1e-3
        assert 0 <= each.slip <= each.answer.latency


async def test_nobody_waits_for_the_answer_of_another() -> None:
    together = 200

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await barrier.wait()
        writer.write(OK + b"ab")
        writer.close()

    barrier = asyncio.Barrier(together)
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        sent = await send(port, [(0.0, infer("m", 1))] * together)
    assert [(each.answer.status, each.answer.body) for each in sent] == [(200, b"ab")] * together


async def test_a_connection_that_breaks_is_an_answer_of_its_own() -> None:
    with peer() as port:
        sent = await send(port, [(0.0, infer("m", 1))] * 3)
    assert [each.answer.status for each in sent] == [0, 0, 0]


async def test_a_server_that_is_not_there_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OSError):  # noqa: PT011
        await send(port, [(0.0, infer("m", 1))])


def test_a_run_that_left_late_says_nothing() -> None:
    on_time, late = Sent(Answer(0.0, 0.1, 200), 0.001), Sent(Answer(0.0, 0.1, 200), 0.02)
    assert not slipped([])
    assert not slipped([on_time] * 200 + [late])
    assert slipped([on_time] * 20 + [late])
