import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.transports.http.replies import add_error_replies
from serving.transports.http.shared_memory import shared_memory_router
from serving.transports.shared_memory import SharedMemoryRegions

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="POSIX shared memory of Linux")

SYSTEM, CUDA = "/v2/systemsharedmemory", "/v2/cudasharedmemory"


def client_of(regions: SharedMemoryRegions) -> httpx.AsyncClient:
    app = FastAPI()
    add_error_replies(app)
    app.include_router(shared_memory_router(regions))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
def regions() -> SharedMemoryRegions:
    return SharedMemoryRegions(allowed=True)


@pytest.fixture
def client(regions: SharedMemoryRegions) -> httpx.AsyncClient:
    return client_of(regions)


@pytest.fixture
def key() -> Iterator[str]:
    """Of a segment of 64 bytes."""
    path = Path(f"/dev/shm/slipway_test_{uuid.uuid4().hex}")
    path.write_bytes(bytes(64))
    yield f"/{path.name}"
    path.unlink()


async def test_register_ask_and_unregister(client: httpx.AsyncClient, key: str) -> None:
    assert (await client.get(f"{SYSTEM}/status")).json() == []
    for name, body in (("a", {"key": key, "offset": 4, "byte_size": 60}), ("b", {"key": key, "byte_size": 64})):
        reply = await client.post(f"{SYSTEM}/region/{name}/register", json=body)
        assert (reply.status_code, reply.content, reply.headers["content-length"]) == (200, b"", "0")
    a = {"name": "a", "key": key, "offset": 4, "byte_size": 60}
    b = {"name": "b", "key": key, "offset": 0, "byte_size": 64}
    assert (await client.get(f"{SYSTEM}/status")).json() == [a, b]
    assert (await client.get(f"{SYSTEM}/region/b/status")).content == (
        f'[{{"name":"b","key":"{key}","offset":0,"byte_size":64}}]'.encode()
    )
    for _ in "twice":
        reply = await client.post(f"{SYSTEM}/region/b/unregister")
        assert (reply.status_code, reply.content) == (200, b"")
    assert (await client.get(f"{SYSTEM}/status")).json() == [a]
    assert (await client.post(f"{SYSTEM}/unregister")).status_code == 200
    assert (await client.get(f"{SYSTEM}/status")).json() == []


@pytest.mark.parametrize(("kind", "path"), [("system", SYSTEM), ("cuda", CUDA)])
async def test_a_region_that_is_not_there_is_404(client: httpx.AsyncClient, kind: str, path: str) -> None:
    reply = await client.get(f"{path}/region/n/status")
    message = f"Unable to find {kind} shared memory region: 'n'"
    assert (reply.status_code, reply.json()) == (404, {"error": message})


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "Shared memory register request has no 'key' field"),
        ("{}", "Shared memory register request has no 'key' field"),
        ('{"byte_size": 64}', "Shared memory register request has no 'key' field"),
        ('{"key": "/k"}', "Shared memory register request has no 'byte_size' field"),
        ("[1]", "must be a JSON object"),
        ("{", "failed to parse the request JSON buffer"),
        ('{"key": 1, "byte_size": 64}', "Unable to parse 'key': expected a string, got 1"),
        ('{"key": "/k", "byte_size": true}', "Unable to parse 'byte_size': expected bytes, 0 to 2^63 - 1, got True"),
        ('{"key": "/k", "byte_size": "64"}', "Unable to parse 'byte_size'"),
        ('{"key": "/k", "byte_size": null}', "Unable to parse 'byte_size'"),
        ('{"key": "/k", "byte_size": -1}', "Unable to parse 'byte_size'"),
        ('{"key": "/k", "byte_size": 9223372036854775808}', "Unable to parse 'byte_size'"),
        ('{"key": "/k", "byte_size": 99999999999999999999999}', "Unable to parse 'byte_size'"),
        ('{"key": "/k", "byte_size": 64, "offset": 1.5}', "Unable to parse 'offset'"),
        ('{"key": "/k", "byte_size": 64, "offset": 9223372036854775808}', "Unable to parse 'offset'"),
        ('{"key": "/", "byte_size": 64}', "cannot register shared memory region 'n' - invalid shm key '/'"),
        ('{"key": "/slipway_test_none", "byte_size": 1}', "Unable to open shared memory region: '/slipway_test_none'"),
    ],
)
async def test_what_is_wrong_with_a_registration_is_named(client: httpx.AsyncClient, body: str, message: str) -> None:
    reply = await client.post(f"{SYSTEM}/region/n/register", content=body)
    assert reply.status_code == 400
    assert message in reply.json()["error"]


async def test_a_region_beyond_its_segment(client: httpx.AsyncClient, key: str) -> None:
    for body in ({"key": key, "byte_size": 65}, {"key": key, "offset": 2**62, "byte_size": 2**62}):
        reply = await client.post(f"{SYSTEM}/region/n/register", json=body)
        assert reply.status_code == 400
        assert "failed to register shared memory region 'n': invalid args" in reply.json()["error"]


@pytest.mark.parametrize(("kind", "path"), [("system", SYSTEM), ("cuda", CUDA)])
async def test_a_region_is_registered_by_name(client: httpx.AsyncClient, kind: str, path: str) -> None:
    reply = await client.post(f"{path}/register", json={})
    message = f"'region name' is necessary to register {kind} shared memory region"
    assert (reply.status_code, reply.json()) == (400, {"error": message})


async def test_cuda(client: httpx.AsyncClient) -> None:
    body = {"raw_handle": {"b64": "AAAA"}, "device_id": 0, "byte_size": 64}
    reply = await client.post(f"{CUDA}/region/n/register", json=body)
    message = "failed to register CUDA shared memory region: 'n', GPUs not supported"
    assert (reply.status_code, reply.json()) == (400, {"error": message})
    assert (await client.get(f"{CUDA}/status")).json() == []
    for path in (f"{CUDA}/unregister", f"{CUDA}/region/n/unregister"):
        reply = await client.post(path)
        assert (reply.status_code, reply.content) == (200, b"")


@pytest.mark.parametrize("path", [SYSTEM, CUDA])
async def test_where_it_is_not_allowed(path: str) -> None:
    client = client_of(SharedMemoryRegions(allowed=False))
    for action in ("register", "region/n/register", "unregister", "region/n/unregister"):
        reply = await client.post(f"{path}/{action}")
        assert reply.status_code == 501
        assert "Client shared memory is disabled" in reply.json()["error"]
    assert (await client.get(f"{path}/status")).json() == []


async def test_methods(client: httpx.AsyncClient) -> None:
    assert (await client.post(f"{SYSTEM}/status")).status_code == 405
    assert (await client.get(f"{SYSTEM}/region/n/register")).status_code == 405


async def test_the_docs_describe_every_route(client: httpx.AsyncClient) -> None:
    paths: dict[str, Any] = (await client.get("/openapi.json")).json()["paths"]
    assert paths.keys() == {
        f"{prefix}{region}/{action}"
        for prefix in (SYSTEM, CUDA)
        for region in ("", "/region/{region}")
        for action in ("status", "register", "unregister")
    }
    register = paths[f"{SYSTEM}/region/{{region}}/register"]["post"]
    assert "key" in register["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert [parameter["name"] for parameter in register["parameters"]] == ["region"]
