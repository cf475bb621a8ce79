"""What a server makes of the requests that a load test would send, each of them once."""

import asyncio

from loadtests.clients.client import Reply
from loadtests.clients.clients import client
from loadtests.run import Target


def answers(target: Target) -> list[Reply]:
    return asyncio.run(_answers(target))


async def _answers(target: Target) -> list[Reply]:
    sending = client(target.protocol, target.url, target.headers, target.timeout, target.trust)
    try:
        return await asyncio.gather(*map(sending.send, target.calls))
    finally:
        await sending.close()


def failures(target: Target) -> list[Reply]:
    return [reply for reply in answers(target) if reply.status != 200]
