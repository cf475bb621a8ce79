"""Callers who ask again as soon as they have their answers: what they get, whichever way it was made."""

import asyncio
import random
import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from serving.transports.busy_poll import BusyPoll
from serving.transports.http.connection import Connection
from serving.transports.http.fast_path import FastPath
from serving.transports.http.leaving import Leaving
from serving.transports.http.tensor_request import Asked, Headers, Send, Target, Way
from serving.transports.http.watch import DEFAULT_LIMITS
from tests import tiny_models
from tests.running_server import RunningServer, running
from tests.serving.transports.http.test_fast_path import (
    SLOW,
    as_json,
    connected,
    fast_path,
    message,
    replies,
    tensor_of,
)

__all__ = ["fast_path"]

ROWS = [np.float32([[number, -number, 0.5, 1e9]]) for number in range(8)]
REQUESTS: list[tuple[Any, Sequence[np.ndarray], dict[str, Any]]] = [
    *((message, [row], {}) for row in ROWS),
    *((message, [np.repeat(row, 3, 0)], {"id": "three"}) for row in ROWS[:3]),
    *((as_json, [row], {}) for row in ROWS[:3]),
]
BAD = (message, [ROWS[0]], {"name": "nope"})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RunningServer]:
    tiny_models.add_double(tmp_path)
    with running(tmp_path) as server:
        yield server


def documented(server: RunningServer, requests: Sequence[tuple[Any, Any, Any]]) -> list[bytes]:
    """What the documented route answers to each."""
    with connected(server) as connection:
        found = []
        for make, arrays, fields in requests:
            connection.sendall(make(*arrays, extra=SLOW, **fields))
            found += replies(connection, 1)
    return found


def count(server: RunningServer, name: str) -> int:
    return int(server.metric(f'{name}{{model="double",version="1"}}') or 0)


@pytest.mark.parametrize("callers", [1, 2, 3, 8])
def test_whoever_asks_again_and_again_gets_the_right_bytes_and_is_counted(server: RunningServer, callers: int) -> None:
    """One asks some times in a row, then several at once, and so on."""
    chance = random.Random(callers)
    expected = documented(server, REQUESTS)
    kinds = [make(*arrays, **fields) for make, arrays, fields in REQUESTS]
    rows = [len(arrays[0]) for _, arrays, _ in REQUESTS]
    sent = list(range(len(kinds)))
    with ExitStack() as stack:
        connections = [stack.enter_context(connected(server)) for _ in range(callers)]
        while len(sent) < 600:
            several = chance.sample(connections, chance.randint(1, callers))
            for _ in range(chance.randint(1, 30) if len(several) == 1 else 1):
                asked = [chance.randrange(len(kinds)) for _ in several]
                for connection, kind in zip(several, asked, strict=True):
                    connection.sendall(kinds[kind])
                for connection, kind in zip(several, asked, strict=True):
                    assert replies(connection, 1) == [expected[kind]]
                sent += asked
    assert count(server, "nv_inference_request_success") == len(sent)
    assert count(server, "nv_inference_count") == sum(rows[kind] for kind in sent)
    executions = count(server, "nv_inference_exec_count")
    assert executions == len(sent) if callers == 1 else 0 < executions <= len(sent)
    assert server.metric('slipway_http_replies_total{code="200"}') == len(sent)


def test_an_error_between_good_ones_and_other_lengths_have_their_own_heads(server: RunningServer) -> None:
    kinds = [REQUESTS[0], BAD, REQUESTS[8], REQUESTS[0], REQUESTS[11], BAD, BAD, REQUESTS[1]]
    expected = documented(server, kinds)
    assert {reply[:12] for reply in expected} == {b"HTTP/1.1 200", b"HTTP/1.1 400"}
    with connected(server) as connection:
        for _ in range(20):
            for (make, arrays, fields), reply in zip(kinds, expected, strict=True):
                for _ in range(3):
                    connection.sendall(make(*arrays, **fields))
                    assert replies(connection, 1) == [reply]


def date_of(connection: socket.socket, request: bytes) -> bytes:
    connection.sendall(request)
    head = b""
    while b"\r\n\r\n" not in head:
        head += connection.recv(65536)
    return head.partition(b"date: ")[2].partition(b"\r\n")[0]


def test_the_date_goes_on(server: RunningServer) -> None:
    request, dates, deadline = message(ROWS[0]), dict[bytes, None](), time.monotonic() + 30
    with connected(server) as connection:
        while len(dates) < 3 and time.monotonic() < deadline:
            dates[date_of(connection, request)] = None
    assert len(dates) == 3
    assert b"" not in dates


def test_the_last_answer_of_a_server_that_stops_says_that_it_is(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    request, found = message(ROWS[3]), list[bytes]()

    def ask_to_the_end(connection: socket.socket, begun: threading.Event) -> None:
        while not found or b"connection: close" not in found[-1]:
            connection.sendall(request)
            found.extend(replies(connection, 1))
            if len(found) == 100:
                begun.set()

    with running(tmp_path) as server:
        [expected] = documented(server, [REQUESTS[3]])
        connection = socket.create_connection(("127.0.0.1", server.http_port), timeout=30)
        begun = threading.Event()
        asking = threading.Thread(target=ask_to_the_end, args=[connection, begun])
        asking.start()
        assert begun.wait(30)
    asking.join(30)
    assert connection.recv(1) == b""
    connection.close()
    assert set(found[:-1]) == {expected}
    assert found[-1].replace(b"connection: close\r\n", b"") == expected


class Noting:
    """A way that goes by another, and notes of each request whether its reply was there when the call returned."""

    def __init__(self, way: FastPath) -> None:
        self.target, self.body = way.target, way.body
        self._way = way
        self.at_once: list[tuple[bool, bool]] = []

    def ask(self, target: Target, body: Any, send: Send, is_lone: bool = False) -> Asked | bool:
        sent: list[int] = []

        def send_on(status: int, headers: Headers, pieces: Sequence[bytes | memoryview]) -> None:
            sent.append(status)
            send(status, headers, pieces)

        answer = self._way.ask(target, body, send_on, is_lone)
        self.at_once.append((is_lone, bool(sent)))
        return answer


@asynccontextmanager
async def listening(way: Way) -> AsyncIterator[int]:
    """A server in this loop, at that port, whose clock stands still: whoever asks again does so at once."""
    poll = BusyPoll(clock=lambda: 0.0)
    protocol: Any = partial(Connection, fast_path=way, busy_poll=poll, leaving=Leaving(), limits=DEFAULT_LIMITS)
    server = uvicorn.Server(uvicorn.Config(FastAPI(), http=protocol, lifespan="off", log_config=None))
    with socket.create_server(("127.0.0.1", 0)) as listens:
        serving = asyncio.create_task(server.serve([listens]))
        yield listens.getsockname()[1]
        server.should_exit = True
        await serving


def ask_often(port: int, is_enough: threading.Event) -> int:
    """How many answers came, all of which were right."""
    request, asked = message(ROWS[2]), 0
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        while asked < 200 or not is_enough.is_set():
            connection.sendall(request)
            [reply] = replies(connection, 1)
            assert tensor_of(reply) == (2 * ROWS[2]).ravel().tolist()
            asked += 1
    return asked


async def test_a_lone_caller_has_its_answer_before_the_loop_goes_on(fast_path: FastPath) -> None:
    way, is_enough = Noting(fast_path), threading.Event()
    deadline = time.monotonic() + 60  # a machine that stalls seems slow for a while
    async with listening(way) as port:
        asking = asyncio.create_task(asyncio.to_thread(ask_often, port, is_enough))
        while not asking.done():
            await asyncio.sleep(0.01)
            if way.at_once[-100:].count((True, True)) >= 90 or time.monotonic() > deadline:
                is_enough.set()
        assert await asking == len(way.at_once)
    assert way.at_once[:8] == [(False, False)] * 8, "nobody knows yet that it asks alone"
    assert way.at_once[-100:].count((True, True)) >= 90
    assert (False, True) not in way.at_once


class InTurn(Noting):
    """Every other reply has another status, and the same headers and body."""

    def ask(self, target: Target, body: Any, send: Send, is_lone: bool = False) -> Asked | bool:
        status = 503 if len(self.at_once) % 2 else 200
        return super().ask(target, body, lambda _, *reply: send(status, *reply), is_lone)


def statuses(port: int) -> list[bytes]:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        found = []
        for _ in range(40):
            connection.sendall(message(ROWS[0]))
            found.append(replies(connection, 1)[0][9:12])
    return found


async def test_replies_that_differ_in_nothing_but_their_status_have_it(fast_path: FastPath) -> None:
    async with listening(InTurn(fast_path)) as port:
        assert await asyncio.to_thread(statuses, port) == [b"200", b"503"] * 20
