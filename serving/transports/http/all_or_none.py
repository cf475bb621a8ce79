"""Several requests to models that one request of a caller makes. Rule: all of them are answered or none."""

import asyncio
from collections.abc import Sequence

from serving.core.requests import InferRequest, InferResponse
from serving.engine.engine import Engine


async def infer_all(engine: Engine, requests: Sequence[InferRequest]) -> list[InferResponse]:
    """In their order. Raises what `Engine.infer` does for the first that fails, and gives up the others."""
    asked = [asyncio.ensure_future(engine.infer(request)) for request in requests]
    try:
        return await asyncio.gather(*asked)
    finally:
        for each in asked:
            each.cancel()
