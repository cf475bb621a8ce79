"""An open load by several clients at once, from a thread of its own, for as long as something is done to the servers.

Rule: each request's number is its own, and what became of it is told by its number.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, overload

import uvloop

from loadtests.call import Call
from loadtests.clients.client import Client
from loadtests.collecting import Collecting
from loadtests.load import Open
from loadtests.outcomes import Fate, Outcomes, fate
from loadtests.sending import Sender, Share

_LONGEST = 3600.0  # seconds
_MOST = 1_000_000  # requests


class Numbered(Sequence[Call]):
    """Calls that say nothing but their number."""

    def __len__(self) -> int:
        return _MOST

    @overload
    def __getitem__(self, at: int) -> Call: ...
    @overload
    def __getitem__(self, at: slice) -> Sequence[Call]: ...
    def __getitem__(self, at: int | slice) -> Call | Sequence[Call]:
        assert isinstance(at, int)
        return Call(str(at))


class Failure(NamedTuple):
    """A request that was not answered: when it left, and when that was known."""

    number: int
    left: float
    finished: float
    status: int


@dataclass(slots=True)
class Traffic:
    """Seconds are since `start`, by the monotonic clock."""

    start: float
    outcomes: dict[str, Outcomes] = field(default_factory=dict)
    """Of each client, once the load is over."""

    def failures(self, client: str) -> list[Failure]:
        found = self.outcomes[client]
        columns = (found.number.tolist(), found.left.tolist(), found.finished.tolist(), found.status.tolist())
        rows = (Failure(*row) for row in zip(*columns, strict=True))
        return [row for row in rows if fate(row.status) is not Fate.ANSWERED]


@dataclass(frozen=True, slots=True)
class Paced:
    """`rate` in requests a second."""

    client: Client
    rate: float


@contextmanager
def traffic(clients: Callable[[], Mapping[str, Paced]], seed: int = 0) -> Iterator[Traffic]:
    """By `clients`, which are made where they are used, until the block ends; what is under way then is waited for."""
    found, ready, stop = Traffic(0.0), threading.Event(), asyncio.Event()
    errors: list[BaseException] = []

    async def send() -> None:
        made = clients()
        notes = {name: Collecting() for name in made}
        found.start = time.monotonic()
        senders = [
            Sender(Share(Numbered(), Open(each.rate), found.start, _LONGEST, seed + at), each.client, notes[name])
            for at, (name, each) in enumerate(made.items())
        ]
        ready.set()
        sending = asyncio.gather(*(sender.send() for sender in senders))
        await stop.wait()
        for sender in senders:
            sender.stop()
        await sending
        found.outcomes |= {name: each.taken() for name, each in notes.items()}
        await asyncio.gather(*(each.client.close() for each in made.values()))

    def run() -> None:
        try:
            runner.run(send())
        except BaseException as error:
            errors.append(error)
        finally:
            ready.set()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        loop = runner.get_loop()
        thread = threading.Thread(target=run, name="traffic")
        thread.start()
        ready.wait()
        try:
            yield found
        finally:
            if thread.is_alive():
                loop.call_soon_threadsafe(stop.set)
            thread.join()
    if errors:
        raise errors[0]
