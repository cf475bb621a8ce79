"""Follows repositories while the server runs: what is added, changed or removed there is loaded or unloaded.

Rule: the file system tells of changes (through `watchfiles`), also behind links, and a model is looked at once its
files have been quiet; a look at everything now and then is for file systems that tell nothing, such as network drives.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path

from watchfiles import awatch

from serving.engine.links import links_of
from serving.engine.own_thread import in_own_thread
from serving.engine.registry import ModelRegistry
from serving.engine.repository import is_passing
from serving.errors import ModelLoadFailed

log = logging.getLogger("slipway")

_QUIET = 0.5
"""Seconds without a change before a model is looked at, so that a copy that still goes on is not read."""

Sync = Callable[[str], None]


_LONGEST = 10.0
"""Seconds after which a model is looked at that is never quiet."""

_WATCH_AGAIN = 5.0  # seconds
_LOOK_AT_LINKS = 1000  # milliseconds
_ALL = ""
"""In the place of a model's name."""


class Poller:
    """Belongs to the event loop's thread."""

    def __init__(self, registry: ModelRegistry, sync: Sync, roots: Iterable[Path], poll_seconds: float) -> None:
        """`registry` says what changed; `sync` does something about a model, and blocks. `roots` are the folders that
        the file system tells about; `poll_seconds` 0 trusts it alone."""
        self._registry = registry
        self._sync = sync
        self._roots = list(roots)
        self._poll_seconds = poll_seconds
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._noticed: dict[str, float] = {}  # when the first of the changes was told that were not looked at yet
        self._looking: dict[str, asyncio.Future[None]] = {}
        self._look_at_all_is_due = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set."""
        watching = [asyncio.create_task(self._watch(root, stop)) for root in self._roots]
        try:
            await self._look_now_and_then(stop)
        finally:
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            for timer in self._timers.values():
                timer.cancel()

    async def _watch(self, root: Path, stop: asyncio.Event) -> None:
        """Where the file system can't tell now, because a folder is unreadable or gone, it is asked again."""
        complaint = ""
        while not stop.is_set():
            try:
                await self._tell_of_changes(root, stop)
                complaint = ""
            except (OSError, RuntimeError) as error:
                if str(error) != complaint:
                    log.error("the file system does not tell of changes in %s now: %s", root, error)
                complaint = str(error)
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), _WATCH_AGAIN)

    async def _tell_of_changes(self, root: Path, stop: asyncio.Event) -> None:
        """Until links lead elsewhere, behind which there is more to watch then."""
        links, real = await asyncio.to_thread(links_of, root), root.resolve()
        is_first, is_searched = True, False  # what changed before the watching is found by looking
        watch = partial(awatch, real, stop_event=stop, watch_filter=None, yield_on_timeout=True)
        async with aclosing(watch(step=50, debounce=200, rust_timeout=_LOOK_AT_LINKS)) as told:
            async for changes in told:
                paths = [Path(path) for _, path in changes]
                for name in {_model(real, path, bool(links.targets)) for path in paths}:
                    if name is not None:
                        self._look_when_quiet(name)
                if real in paths or not await asyncio.to_thread(links.lead_there_still):
                    break
                if not paths and not is_searched and await asyncio.to_thread(links_of, root) != links:
                    break
                is_searched = not paths
                if is_first:
                    self._look_when_quiet(_ALL)
                is_first = False
        self._look_when_quiet(_ALL)

    async def _look_now_and_then(self, stop: asyncio.Event) -> None:
        """At first for what changed between the first load and the watching."""
        while not stop.is_set():
            self._look_at_all_is_due.clear()
            await self._look_at_all()
            waiting = [asyncio.ensure_future(event.wait()) for event in (stop, self._look_at_all_is_due)]
            await asyncio.wait(waiting, timeout=self._poll_seconds or None, return_when=asyncio.FIRST_COMPLETED)
            for each in waiting:
                each.cancel()

    async def _look_at_all(self) -> None:
        try:
            changed = await asyncio.to_thread(self._registry.changed)
        except (OSError, ModelLoadFailed) as error:
            log.error("the repository can't be read: %s", error)
            return
        for name in changed:
            if name not in self._timers and name not in self._looking:
                self._look_when_quiet(name)

    def _look_when_quiet(self, name: str) -> None:
        if name in self._timers:
            self._timers.pop(name).cancel()
        loop = asyncio.get_running_loop()
        latest = self._noticed.setdefault(name, loop.time()) + _LONGEST
        self._timers[name] = loop.call_at(min(loop.time() + _QUIET, latest), self._look, name)

    def _look(self, name: str) -> None:
        """One look at a time for each model; a change during a look is followed by another."""
        del self._timers[name], self._noticed[name]
        if name == _ALL:
            self._look_at_all_is_due.set()
            return
        if name in self._looking:
            self._look_when_quiet(name)
            return
        look = self._looking[name] = in_own_thread(_follow, self._sync, name)
        look.add_done_callback(lambda _: self._looking.pop(name))


def _follow(sync: Sync, name: str) -> None:
    try:
        sync(name)
    except ModelLoadFailed:  # which is the model's state, and was logged
        pass
    except OSError as error:
        log.error("the repository can't be read: %s", error)


def _model(root: Path, path: Path, has_links: bool) -> str | None:
    """The model that a changed path belongs to; `_ALL` where any may, None for what is passed over, to which no link
    leads."""
    inside = path.relative_to(root)
    if not inside.parts:
        return _ALL
    if is_passing(str(inside)) and not has_links:
        return None
    return _ALL if is_passing(inside.parts[0]) else inside.parts[0]
