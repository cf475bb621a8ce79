"""The fast path answers what the documented route answers."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from serving.core.trace_settings import TraceSettings
from serving.engine.dependencies import Dependencies
from serving.engine.engine import Engine
from serving.engine.promotions import Promotions
from serving.engine.registry import ModelRegistry
from serving.engine.repository import ModelRepository
from serving.engine.trace_registry import TraceRegistry
from serving.engine.tracer import Tracer
from serving.transports.held_memory import HeldMemory
from serving.transports.http.body_limit import BodyLimit
from serving.transports.http.infer import infer_endpoint, infer_router
from serving.transports.http.replies import add_error_replies
from serving.transports.http.tensor_route import TensorRoute
from serving.transports.shared_memory import SharedMemoryRegions
from tests import tiny_models

GOOD = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}
INFER = "/v2/models/double/infer"


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", INFER, {"json": GOOD}),
        ("POST", "/v2/models/double/versions/1/infer", {"json": GOOD}),
        ("POST", "/v2/models/double/versions/9/infer", {"json": GOOD}),
        ("POST", "/v2/models/nope/infer", {"json": GOOD}),
        ("POST", "/v2/models/a%2Fb/infer", {"json": GOOD}),
        ("POST", INFER, {"content": b"{"}),
        ("POST", INFER, {"json": {"inputs": []}}),
        ("POST", INFER, {"json": GOOD, "headers": {"content-encoding": "br"}}),
        ("GET", INFER, {}),
        ("POST", "/v2/models/double/infer/", {"json": GOOD}),
    ],
)
async def test_both_ways_answer_the_same(tmp_path: Path, method: str, path: str, body: dict[str, Any]) -> None:
    tiny_models.add_double(tmp_path)
    registry = ModelRegistry(ModelRepository(tmp_path), asyncio.get_running_loop())
    await asyncio.to_thread(registry.load, "double")
    engine = Engine(
        registry, Dependencies(registry), Promotions(registry, print), Tracer(TraceRegistry(TraceSettings()), None)
    )
    infer = infer_endpoint(engine, SharedMemoryRegions(allowed=False), 2**20)
    slow = FastAPI()
    add_error_replies(slow)
    slow.include_router(infer_router(infer))
    replies = []
    for route in (slow, TensorRoute(slow, infer)):
        app = BodyLimit(route, 2**20, HeldMemory())
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            reply = await client.request(method, path, **body)
            replies.append((reply.status_code, sorted(reply.headers.items()), reply.content))
    assert replies[0] == replies[1]
    assert registry.close(10)
