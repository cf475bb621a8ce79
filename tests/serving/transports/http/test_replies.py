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

    @app.get("/v2/overloaded")
    async def overloaded() -> None:
        raise errors.Overloaded("too much", retry_after=7)

    @app.get("/v2/number/{number}")
    async def number(number: int) -> int:
        return number

    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


async def test_a_bug_is_500_without_its_details(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v2/bug")
    assert (reply.status_code, reply.json()) == (500, {"error": "internal error; the server's log has the details"})


async def test_overload_says_when_to_come_back(client: httpx.AsyncClient) -> None:
    reply = await client.get("/v2/overloaded")
    assert (reply.status_code, reply.json(), reply.headers["retry-after"]) == (503, {"error": "too much"}, "7")


@pytest.mark.parametrize(("path", "status"), [("/v2/number/x", 400), ("/nowhere", 404)])
async def test_the_frameworks_own_errors_look_the_same(client: httpx.AsyncClient, path: str, status: int) -> None:
    reply = await client.get(path)
    assert reply.status_code == status
    assert reply.json().keys() == {"error"}


async def test_a_wrong_method_names_the_right_one(client: httpx.AsyncClient) -> None:
    reply = await client.post("/v2/bug")
    assert (reply.status_code, reply.headers["allow"]) == (405, "GET")


def test_json_replies_are_compact() -> None:
    assert json_reply({"a": [1, 2]}).body == b'{"a":[1,2]}'
