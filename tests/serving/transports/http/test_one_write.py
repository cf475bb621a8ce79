import asyncio
from typing import Any

import httpx

from serving.transports.http.one_write import OneWrite
from tests.running_server import RunningServer


class Recorder:
    """What a transport is told."""

    def __init__(self) -> None:
        self.said: list[Any] = []

    def writelines(self, parts: list[bytes]) -> None:
        self.said.append(parts)

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def close(self) -> None:
        self.said.append("close")

    def is_closing(self) -> bool:
        return "close" in self.said


def wrapped(recorder: Recorder) -> OneWrite:
    return OneWrite(recorder, asyncio.get_running_loop())  # type: ignore[arg-type]


async def test_what_is_written_in_one_turn_is_sent_together() -> None:
    recorder = Recorder()
    transport = wrapped(recorder)
    transport.write(b"head")
    transport.write(b"body")
    assert recorder.said == []
    await asyncio.sleep(0)
    assert recorder.said == [[b"head", b"body"]]
    transport.write(b"more")
    await asyncio.sleep(0)
    assert recorder.said[1:] == [[b"more"]]


async def test_nothing_is_lost_when_the_connection_closes_in_the_same_turn() -> None:
    recorder = Recorder()
    transport = wrapped(recorder)
    transport.write(b"last words")
    transport.close()
    await asyncio.sleep(0)
    assert recorder.said == [[b"last words"], "close"]


async def test_what_was_written_when_the_caller_hung_up_goes_nowhere() -> None:
    recorder = Recorder()
    transport = wrapped(recorder)
    transport.write(b"too late")
    recorder.said.append("close")
    await asyncio.sleep(0)
    assert recorder.said == ["close"]


async def test_what_is_written_now_comes_after_what_waits() -> None:
    recorder = Recorder()
    transport = wrapped(recorder)
    transport.write(b"first")
    transport.write_now([b"head", b"body"])
    assert recorder.said == [[b"first"], b"headbody"]
    await asyncio.sleep(0)
    assert len(recorder.said) == 2


async def test_large_parts_are_not_copied() -> None:
    recorder = Recorder()
    parts = [b"head", memoryview(bytes(100_000))]
    wrapped(recorder).write_now(parts)
    assert recorder.said == [parts]
    assert recorder.said[0][1] is parts[1]


async def test_nothing_is_written_to_who_hung_up() -> None:
    recorder = Recorder()
    recorder.close()
    wrapped(recorder).write_now([b"too late"])
    assert recorder.said == ["close"]


async def test_all_else_is_the_transports() -> None:
    assert not wrapped(Recorder()).is_closing()


def test_a_reply_that_ends_its_connection_is_whole(tiny_server: RunningServer) -> None:
    reply = httpx.get(f"{tiny_server.url}/v2", headers={"connection": "close"})
    assert reply.json()["name"] == "triton"
    assert reply.headers["connection"] == "close"
