import httpx
import pytest
from fastapi import Request

from serving.errors import InvalidInput
from serving.transports.http.upload import integer, number, read_upload

KNOWN = ("top_k",)


def request(asked: httpx.Request) -> Request:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": asked.content, "more_body": False}

    asked.read()
    headers = [(name.lower(), value) for name, value in asked.headers.raw]
    scope = {"type": "http", "method": "POST", "headers": headers, "query_string": asked.url.query}
    return Request(scope, receive)


async def test_a_body_and_the_querys_parameters() -> None:
    asked = httpx.Request("POST", "http://x/?top_k=1&a=b", content=b"file")
    assert await read_upload(request(asked), "an image", KNOWN) == (b"file", {"top_k": "1", "a": "b"})


async def test_a_form_whose_fields_count_more_than_the_query() -> None:
    asked = httpx.Request("POST", "http://x/?top_k=1&a=b", files={"any": b"file"}, data={"top_k": "2"})
    assert await read_upload(request(asked), "an image", KNOWN) == (b"file", {"top_k": "2", "a": "b"})


async def test_a_form_without_a_file_is_refused() -> None:
    with pytest.raises(InvalidInput, match="the form has no file; send a recording as a file"):
        await read_upload(request(httpx.Request("POST", "http://x/", files={"a": (None, "b")})), "a recording", ())


async def test_a_compressed_body_is_refused() -> None:
    asked = httpx.Request("POST", "http://x/", content=b"file", headers={"content-encoding": "gzip"})
    with pytest.raises(InvalidInput, match="content-encoding"):
        await read_upload(request(asked), "an image", ())


async def test_a_misspelt_parameter_is_refused_and_a_gateways_key_in_the_query_is_not() -> None:
    key = httpx.Request("POST", "http://x/?token=x&api-version=1&_=2", content=b"file")
    assert (await read_upload(request(key), "an image", KNOWN))[0] == b"file"
    for asked in (
        httpx.Request("POST", "http://x/?top-k=1", content=b"file"),
        httpx.Request("POST", "http://x/", files={"any": b"file"}, data={"top-k": "2"}),
    ):
        with pytest.raises(InvalidInput, match=r"unknown parameter 'top-k'; did you mean 'top_k'\? known: top_k"):
            await read_upload(request(asked), "an image", KNOWN)
    asked = httpx.Request("POST", "http://x/", files={"any": b"file"}, data={"limit": "2"})
    with pytest.raises(InvalidInput, match="unknown parameter 'limit'; known: top_k"):
        await read_upload(request(asked), "an image", KNOWN)


def test_numbers_are_read_from_text() -> None:
    given = {"a": "12", "b": "0.5", "c": "-1", "d": "x", "e": "1" * 10}
    assert (integer(given, "a"), integer(given, "z")) == (12, None)
    assert (number(given, "b"), number(given, "a"), number(given, "z")) == (0.5, 12.0, None)
    for name in "bcde":
        with pytest.raises(InvalidInput, match=f"'{name}' must be an integer >= 1, got '{given[name]}'"):
            integer(given, name)
    with pytest.raises(InvalidInput, match="'d' must be a number, got 'x'"):
        number(given, "d")
