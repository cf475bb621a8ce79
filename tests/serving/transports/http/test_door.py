"""The door before an application that notes whether it was asked."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serving.access.gate import Callers, Gate
from serving.access.keys import Key, digest_of
from serving.access.peers import PEER
from serving.access.scope import Scope as KeyScope
from serving.transports.http.door import Door

LOAD, INFER = "/v2/repository/models/m/load", "/v2/models/m/infer"
KEYED = Gate(
    Callers(
        [
            Key("shop", digest_of("s")),
            Key("ops", digest_of("o"), frozenset(KeyScope)),
            Key("one", digest_of("1"), concurrency=1),
        ]
    )
)


class Inside:
    """Answers everything, once it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, _: Scope, __: Receive, send: Send) -> None:
        self.asked += 1
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"inside"})


def client(door: Any, address: str = "10.0.0.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(door, client=(address, 5000)), base_url="http://server")


async def statuses(door: Any, address: str, *requests: tuple[str, str], **headers: str) -> list[int]:
    async with client(door, address) as http:
        return [(await http.request(method, path, headers=headers)).status_code for method, path in requests]


def test_a_server_without_keys_is_changed_from_its_own_machine_only() -> None:
    inside = Inside()
    near = [asyncio.run(statuses(Door(inside, Gate()), each, ("POST", LOAD))) for each in ("127.0.0.1", "::1")]
    far = asyncio.run(statuses(Door(inside, Gate()), "10.0.0.1", ("POST", LOAD), ("POST", INFER)))
    assert (near, far, inside.asked) == ([[200], [200]], [403, 200], 3)


@pytest.mark.parametrize(("is_behind", "status"), [(True, 200), (False, 403)])
def test_only_a_gateway_is_believed_where_a_request_comes_from(is_behind: bool, status: int) -> None:
    door = Door(Inside(), Gate(), is_behind)
    assert asyncio.run(statuses(door, "10.0.0.1", ("POST", LOAD), **{PEER: "127.0.0.1"})) == [status]


def test_a_caller_whom_a_gateway_knows_no_address_of_is_elsewhere() -> None:
    assert asyncio.run(statuses(Door(Inside(), Gate(), True), "127.0.0.1", ("POST", LOAD))) == [403]


def test_what_there_is_no_row_for_never_reaches_the_application() -> None:
    inside = Inside()
    asked = [
        ("GET", "/v2/"),
        ("DELETE", "/v2/logging"),
        ("GET", "/v2/repository/models/m/load"),
        ("POST", "/v2//health/live"),
    ]
    assert asyncio.run(statuses(Door(inside, KEYED), "127.0.0.1", *asked)) == [401] * 4
    assert asyncio.run(statuses(Door(inside, KEYED), "127.0.0.1", *asked, **{"x-api-key": "o"})) == [404, 405, 405, 404]
    assert asyncio.run(statuses(Door(inside, Gate()), "127.0.0.1", *asked)) == [404, 405, 405, 404]
    assert inside.asked == 0


def test_what_is_no_http_is_not_let_in() -> None:
    inside = Inside()

    async def never(*_: Any) -> Any:
        raise AssertionError

    asyncio.run(Door(inside, KEYED)({"type": "websocket", "path": "/v2"}, never, never))
    assert inside.asked == 0


def test_one_at_a_time_gives_its_place_back_however_it_ends() -> None:
    async def run() -> tuple[int, str, int]:
        inside = Inside()
        inside.may_answer.clear()
        async with client(Door(inside, KEYED)) as http:
            first = asyncio.create_task(http.post(INFER, headers={"x-api-key": "1"}))
            while not inside.asked:
                await asyncio.sleep(0)
            second = await http.post(INFER, headers={"x-api-key": "1"})
            first.cancel()  # its caller hangs up
            await asyncio.gather(first, return_exceptions=True)
            inside.may_answer.set()
            third = await http.post(INFER, headers={"x-api-key": "1"})
        return second.status_code, second.headers["retry-after"], third.status_code

    assert asyncio.run(run()) == (429, "1", 200)


def test_who_changes_the_server_is_in_the_log_and_what_it_showed_is_not(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "slipway.audit")
    door = Door(Inside(), KEYED)
    for key in ("o", "s", "unknown-key"):
        asyncio.run(statuses(door, "10.0.0.1", ("POST", "/v2/models/m%0Ax/promote"), **{"x-api-key": key}))
    asyncio.run(statuses(door, "10.0.0.1", ("POST", INFER), **{"x-api-key": "s"}))
    assert [record.getMessage() for record in caplog.records] == [
        "POST /v2/models/m?x/promote by ops from 10.0.0.1: 200",
        "POST /v2/models/m?x/promote by shop from 10.0.0.1: 403",
        "POST /v2/models/m?x/promote by no key from 10.0.0.1: 401",
    ]
    assert caplog.records[0].fields == {  # type: ignore[attr-defined] # as lines of JSON have them
        "caller": "ops",
        "what": "POST /v2/models/m?x/promote",
        "address": "10.0.0.1",
        "result": 200,
    }
