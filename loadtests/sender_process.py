"""A process that sends its share of a load, and tells what became of it a few times a second.

Rule: telling happens in another thread than sending.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from math import inf
from multiprocessing.connection import Connection
from threading import Thread

from loadtests.call import Header
from loadtests.clients.client import Client
from loadtests.clients.clients import client
from loadtests.clients.trust import THE_KNOWN, Trust
from loadtests.collecting import Collecting
from loadtests.outcomes import Outcomes
from loadtests.sending import Sender, Share

_EVERY = 0.25  # seconds


@dataclass(frozen=True, slots=True)
class Errand:
    """What a process is started with. `share` has its start yet to come; the same load first warms up for so long."""

    url: str
    protocol: str
    headers: tuple[Header, ...]
    timeout: float
    share: Share
    warm_up: float
    trust: Trust = THE_KNOWN


@dataclass(frozen=True, slots=True)
class News:
    """Since the last one: what became of requests, seconds of processor and of time that passed, and how many requests
    were due, of which some are still under way."""

    outcomes: Outcomes
    cpu: float
    passed: float
    due: int = 0


def run(errand: Errand, pipe: Connection) -> None:
    """Says that it is there with None, is told when to start, tells `News`, and at the end None. Anything that it is
    told after the start stops it."""
    _allow_connections()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_run(errand, pipe))


def _allow_connections() -> None:
    """As many as may be: shells allow 1,024 files unless asked, and each connection is one."""
    with suppress(ImportError, OSError, ValueError):
        import resource

        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _run(errand: Errand, pipe: Connection) -> None:
    sending_client = client(errand.protocol, errand.url, errand.headers, errand.timeout, errand.trust)
    pipe.send(None)
    share = replace(errand.share, start=await asyncio.to_thread(pipe.recv))
    outcomes = Collecting()
    senders = [Sender(share, sending_client, outcomes)]
    if errand.warm_up:
        warm = replace(share, start=share.start - errand.warm_up, seconds=errand.warm_up, most=inf)
        senders.append(Sender(warm, sending_client, Collecting()))
    over = asyncio.Event()
    telling = asyncio.create_task(_tell(senders[0], outcomes, pipe, over))
    _stop_when_told(senders, pipe)
    try:
        await asyncio.gather(*(sender.send() for sender in senders))
    finally:
        over.set()
        await _finish(telling, outcomes, pipe, sending_client)


async def _finish(telling: asyncio.Task[None], outcomes: Collecting, pipe: Connection, client: Client) -> None:
    await asyncio.gather(telling, return_exceptions=True)
    await client.close()
    await asyncio.to_thread(pipe.send, News(outcomes.taken(), 0.0, 0.0))
    await asyncio.to_thread(pipe.send, None)


def _stop_when_told(senders: list[Sender], pipe: Connection) -> None:
    loop = asyncio.get_running_loop()

    def listen() -> None:
        with suppress(EOFError, OSError):  # whoever counts is gone, which ends the load too
            pipe.recv()
        for sender in senders:
            with suppress(RuntimeError):  # the loop is closed: all is sent
                loop.call_soon_threadsafe(sender.stop)

    Thread(target=listen, daemon=True).start()


async def _tell(sender: Sender, outcomes: Collecting, pipe: Connection, over: asyncio.Event) -> None:
    """Until it is over; never cancelled, since half of a message may be on its way."""
    told = 0
    while not over.is_set():
        before, cpu_before = time.monotonic(), time.process_time()
        with suppress(TimeoutError):
            await asyncio.wait_for(over.wait(), _EVERY)
        due, told = sender.due - told, sender.due
        news = News(outcomes.taken(), time.process_time() - cpu_before, time.monotonic() - before, due)
        await asyncio.to_thread(pipe.send, news)
