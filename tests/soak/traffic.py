"""Who calls during a soak, and what is done to the server meanwhile.

Rule: a caller asks one thing at a time, and rests a little between, so that no queue grows that is not meant to.
"""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import aiohttp

from tests import scaled_models
from tests.soak import callers, models
from tests.soak.callers import Caller, Http, Place
from tests.soak.ledger import Fate, Kind, Ledger

_RELOADS_EVERY = 4.0  # seconds
_KILLS_EVERY = 65.0
"""A process that ends within a minute of its start is not started again at once."""
_VERSIONS_KEPT = 2


@dataclass(frozen=True, slots=True)
class Part:
    """`share` of 64 callers, who rest for so many seconds on average."""

    kind: Kind
    caller: Callable[[Kind, Place, Random], Caller]
    share: int
    rest: float = 0.05


PARTS = (
    Part(Kind("tensors as JSON", models.DOUBLE), callers.Json, 10),
    Part(Kind("binary tensors", models.DOUBLE), callers.Binary, 14),
    Part(Kind("gRPC", models.DOUBLE, grpc=True), callers.Grpc, 9),
    Part(Kind("a model that is reloaded", models.SCALED), callers.Scaled, 6),
    Part(Kind("pictures", models.PICTURES), callers.Pictures, 5),
    Part(Kind("streams of text", models.WRITER), callers.Streams, 5),
    Part(Kind("streams that are left", models.WRITER), callers.LeftStreams, 2, 0.2),
    Part(Kind("a full queue", models.CROWDED), callers.Crowded, 5, 0.02),
    Part(Kind("a model that raises", models.FAILING), callers.Failing, 2, 0.1),
    Part(Kind("a model that is killed", models.KILLED), callers.Killed, 2),
    Part(Kind("who hang up", models.LEFT), callers.Leavers, 2, 0.1),
    Part(Kind("who cancel in gRPC", models.LEFT, grpc=True), callers.LeavingGrpc, 2, 0.1),
)
_RELOADS = Kind("reloads", "")


class Traffic:
    """For one event loop. `kills` are processes that were killed."""

    def __init__(self, place: Place, repository: Path) -> None:
        self.ledger = Ledger()
        self.kills = 0
        self._place = place
        self._repository = repository
        self._newest = 1
        self._over = asyncio.Event()

    async def run(self, connections: int, seconds: float, chance: Random) -> None:
        """Everybody, for so long; what is under way then is waited for."""
        parts = [part for part in PARTS for _ in range(max(1, round(part.share * connections / 64)))]
        asyncio.get_running_loop().call_later(seconds, self._over.set)
        deeds = [self._reload_again_and_again(), self._kill_now_and_then(seconds)]
        calls = [self._call(part, Random(chance.random())) for part in parts]
        async with asyncio.TaskGroup() as group:
            for each in (*deeds, *calls):
                group.create_task(each)

    async def once(self) -> None:
        """Each kind of request, so that what a server needs once is there. The ledger does not have them."""
        for part in PARTS:
            caller = part.caller(part.kind, self._place, Random(0))
            await self._asked(caller)
            await caller.close()
        await self._reload()
        self.ledger = Ledger()

    async def _call(self, part: Part, chance: Random) -> None:
        caller = part.caller(part.kind, self._place, chance)
        while not self._over.is_set():
            await self._asked(caller)
            await asyncio.sleep(chance.expovariate(1 / part.rest))
        await caller.close()

    async def _asked(self, caller: Caller) -> None:
        self.ledger.sent[caller.kind] += 1
        try:
            fate, words = await caller.ask()
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError, LookupError) as error:
            fate, words = Fate.WRONG, repr(error)
        self.ledger.note(caller.kind, fate, words)

    async def _reload_again_and_again(self) -> None:
        while not await self._is_over(_RELOADS_EVERY):
            await self._reload()

    async def _reload(self) -> None:
        """One more version of the model, and the oldest goes."""
        self._newest += 1
        folder = self._repository / models.SCALED
        await asyncio.to_thread(scaled_models.publish, self._repository, self._newest, name=models.SCALED)
        if self._newest > _VERSIONS_KEPT:
            shutil.rmtree(folder / str(self._newest - _VERSIONS_KEPT))
        self.ledger.sent[_RELOADS] += 1
        asking = Http(_RELOADS, self._place, Random(0))
        status, _, body = await asking.post(f"/v2/repository/models/{models.SCALED}/load", json={})
        self.ledger.note(_RELOADS, Fate.RIGHT if status == 200 else Fate.WRONG, f"{status} {body!r}")
        await asking.close()

    async def _kill_now_and_then(self, seconds: float) -> None:
        wait = min(seconds / 4, _KILLS_EVERY)
        while not await self._is_over(wait):
            self.kills += self._place.server.kill_a_model()
            wait = _KILLS_EVERY

    async def _is_over(self, seconds: float) -> bool:
        """After so long, or at once when all is."""
        try:
            await asyncio.wait_for(self._over.wait(), seconds)
        except TimeoutError:
            return False
        return True


async def texts(place: Place) -> dict[str, str]:
    """What the writer writes to each prompt when it has nothing else to do."""
    caller = callers.Streams(Kind("", models.WRITER), place, Random(0))
    found = {prompt: (await caller.written(prompt))[0] for prompt in callers.PROMPTS}
    await caller.close()
    return found
