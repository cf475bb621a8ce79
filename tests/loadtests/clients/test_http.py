import asyncio
import os
import resource
from collections.abc import Iterator

import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.call import Call
from loadtests.clients.http import HttpClient
from loadtests.outcomes import NO_ANSWER, NOT_SENT, TIMED_OUT


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with stub() as address:
        yield address


async def test_requests_are_answered_with_their_status(url: str) -> None:
    client = HttpClient(url, (), timeout=10)
    assert (await client.send(Call("/", b"x"))).status == 200
    reply = await client.send(Call("/status/503"))
    assert (reply.status, reply.message) == (503, "told to")
    await client.close()


async def test_a_stream_is_told_by_its_events(url: str) -> None:
    client = HttpClient(url, (), timeout=10)
    reply = await client.send(Call("/events/5", stream=True))
    assert (reply.status, reply.tokens, len(reply.gaps)) == (200, 5, 4)
    assert (await client.send(Call("/status/429", stream=True))).status == 429
    hung_up = await client.send(Call("/events/5", stream=True, hang_up_after=2))
    assert hung_up.status == 200
    await client.close()


async def test_connections_are_kept_and_as_many_as_needed_are_made(url: str) -> None:
    client = HttpClient(url, (), timeout=10)
    for _ in range(3):
        await client.send(Call("/"))
    assert len(client._idle) == 1
    await asyncio.gather(*(client.send(Call("/")) for _ in range(5)))
    assert 1 < len(client._idle) <= 5
    await client.close()


async def test_a_server_may_be_below_a_path(url: str) -> None:
    client = HttpClient(f"{url}/status/", (), timeout=10)
    assert (await client.send(Call("/503"))).status == 503
    await client.close()


async def test_what_this_machine_can_not_connect_was_not_sent(url: str) -> None:
    client = HttpClient(url, (), timeout=10)
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_file = os.dup(0)
    os.close(next_file)
    resource.setrlimit(resource.RLIMIT_NOFILE, (next_file, usual[1]))
    try:
        reply = await client.send(Call("/"))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, usual)
    assert (reply.status, reply.message) == (NOT_SENT, "no connection: Too many open files")


async def test_a_server_that_is_not_there_loses_the_request() -> None:
    with stub() as gone:
        pass
    reply = await HttpClient(gone, (), timeout=10).send(Call("/"))
    assert reply.status == NO_ANSWER
    assert "no connection" in reply.message


async def test_a_kept_connection_that_broke_meanwhile_is_made_anew() -> None:
    with stub() as address:
        client = HttpClient(address, (), timeout=10)
        await client.send(Call("/"))
        [connection] = client._idle
        assert connection._transport is not None
        connection._transport.abort()
        connection.usable = True  # as in the moment before it is told
        assert (await client.send(Call("/"))).status == 200
        await client.close()


async def test_a_server_that_dies_on_a_request_loses_it() -> None:
    with stub(dies_at=1) as address:
        client = HttpClient(address, (), timeout=10)
        assert (await client.send(Call("/"))).status == 200
        assert (await client.send(Call("/"))).status == NO_ANSWER


async def test_no_answer_in_time_is_told(url: str) -> None:
    with stub(stall_at=0, stall=30) as slow:
        reply = await HttpClient(slow, (), timeout=0.1).send(Call("/"))
    assert (reply.status, reply.message) == (TIMED_OUT, "no answer within 0.1 s")
