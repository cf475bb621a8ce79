from collections.abc import AsyncGenerator, Callable

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serving.errors import InvalidInput, SlipwayError
from serving.transports.http.event_stream import EventStream
from serving.transports.http.replies import slipway_error_reply

Failure = Callable[[SlipwayError], bytes]


def in_brackets(error: SlipwayError) -> bytes:
    return f"<{error}> ".encode()


def application(
    raised: Exception | None, closed: list[bool], last: bytes, failure: Failure = in_brackets
) -> Callable[..., object]:
    """Answers whatever it is asked with two events, and then what is raised."""

    async def events() -> AsyncGenerator[bytes, None]:
        try:
            yield b"first "
            yield b"second "
            if raised is not None:
                raise raised
        finally:
            closed.append(True)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        it = events()
        await EventStream(await anext(it), it, "/path", failure, last)(scope, receive, send)

    return app


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (None, ""),
        (InvalidInput("too long"), "<too long> "),
        (ZeroDivisionError("secret"), "<internal error; the server's log has the details> "),
    ],
)
async def test_what_goes_wrong_in_a_stream_is_an_event(raised: Exception | None, told: str) -> None:
    closed: list[bool] = []
    transport = httpx.ASGITransport(app=application(raised, closed, b"end"))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        reply = await client.get("/")
    assert reply.text == f"first second {told}end"
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert closed == [True]


@pytest.mark.parametrize("path", ["/v2/models/m/generate_stream", "/v1/completions"])
async def test_what_nobody_foresaw_has_a_status_on_every_route(path: str) -> None:
    app = application(
        ZeroDivisionError("secret"), [], b"end", lambda error: bytes(slipway_error_reply(error, path).body)
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://here") as client:  # type: ignore[arg-type]
        reply = await client.get("/")
    assert "internal error; the server's log has the details" in reply.text
    assert reply.text.endswith("end")
