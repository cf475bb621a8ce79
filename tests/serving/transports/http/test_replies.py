import httpx
import pytest
from fastapi import FastAPI

from serving import errors
from serving.transports.http.replies import add_error_replies, json_reply


@pytest.fixture
def client() -> httpx.AsyncClient:
    """An application whose routes fail in every way that a route can."""
    app = FastAPI()
    add_error_replies(app)

    @app.get("/v2/bug")
    async def bug() -> None:
        raise ZeroDivisionError("secret detail of the code")

    @app.get("/v1/completions")
    async def completions() -> None:
        raise ZeroDivisionError("secret detail of the code")

    @app.get("/v2/overloaded")
    async def overloaded() -> None:
        raise errors.Overloaded("too much", retry_after=7)

    @app.get("/v2/long")
    async def long() -> None:
        raise errors.InvalidInput("x" * 1_000_000)

    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


async def test_a_bug_is_500_without_its_details(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v2/bug")
    assert (reply.status_code, reply.json()) == (500, {"error": "internal error; the server's log has the details"})


async def test_a_bug_on_a_route_of_openais_is_told_as_its_clients_read_it(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v1/completions")
    assert reply.status_code == 500
    assert reply.json()["error"] == {
        "message": "internal error; the server's log has the details",
        "type": "server_error",
        "param": None,
        "code": None,
    }


async def test_overload_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v2/overloaded")
    assert (reply.status_code, reply.json(), reply.headers["retry-after"]) == (503, {"error": "too much"}, "7")


async def test_the_frameworks_own_errors_look_the_same(client: httpx.AsyncClient) -> None:
    reply = await client.get("/nowhere")
    assert (reply.status_code, reply.json()) == (404, {"error": "Not Found"})


async def test_a_callers_own_words_are_not_sent_back_in_full(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v2/long")
    assert reply.status_code == 400
    assert len(reply.content) < 3000


async def test_a_wrong_method_names_the_right_one(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v2/bug")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")


def test_json_replies_are_compact() -> None:
    assert json_reply({"a": [1, 2]}).body == b'{"a":[1,2]}'
