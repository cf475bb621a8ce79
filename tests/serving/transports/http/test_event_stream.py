from collections.abc import AsyncGenerator, Callable

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from serving.errors import InvalidInput, SlipwayError
from serving.transports.http.event_stream import EventStream


def application(raised: Exception | None, closed: list[bool], last: bytes) -> Callable[..., object]:
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
        failure: Callable[[SlipwayError], bytes] = lambda error: f"<{error}> ".encode()  # noqa: E731
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
