"""Where versions go that nobody will ask any more: they answer what they accepted, and then are freed.

Rule: in threads of their own, since what runs may run long; nobody waits for them but a server that stops.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryDirectory

from serving.engine.freed_memory import give_back
from serving.engine.response_cache import ResponseCache
from serving.engine.servable import Servable
from serving.engine.served_model import ServedModel

log = logging.getLogger("slipway")

_RETRY = 60.0  # seconds between looks at a model that still runs although it was unloaded

Folder = TemporaryDirectory[str]


class Retirement:
    """May be called from any thread."""

    def __init__(self, cache: ResponseCache | None = None) -> None:
        """What they answered goes from the `cache` at once."""
        self._cache = cache
        self._retiring: set[Servable] = set()
        self._folders: dict[str, Folder] = {}

    def swap_folder(self, name: str, folder: Folder | None) -> Folder | None:
        """Remember `folder` as what a model's files are in now; what they were in before."""
        previous = self._folders.pop(name, None)
        if folder is not None:
            self._folders[name] = folder
        return previous

    def retire(
        self, models: Iterable[Servable], folder: Folder | None = None, then: Callable[[], None] = lambda: None
    ) -> None:
        """Returns at once; of nothing, does nothing. `folder`, which their files are in, is removed after them, and
        `then` is called last."""
        going = list(models)
        if not going and folder is None:
            return
        self._retiring.update(going)
        if self._cache is not None:
            for model in going:
                if isinstance(model, ServedModel):
                    self._cache.forget(model.identity)

        def end() -> None:
            with ThreadPoolExecutor(max_workers=max(1, len(going))) as pool:
                list(pool.map(self._close, going))
            going.clear()  # the last to know them, so that their memory is free now
            give_back()
            if folder is not None:
                folder.cleanup()
            then()

        threading.Thread(target=end, name="retire", daemon=True).start()

    def _close(self, model: Servable) -> None:
        while not model.close(_RETRY):
            log.warning("%s version %s was unloaded, but a request still runs on it", model.name, model.version)
        self._retiring.discard(model)

    def close(self, models: Iterable[Servable], timeout: float) -> bool:
        """These and all that retire answer what they have queued, all at once; False when one still runs after
        `timeout` seconds."""
        going = [*models, *list(self._retiring)]
        with ThreadPoolExecutor(max_workers=max(1, len(going))) as pool:
            ended = all(list(pool.map(lambda model: model.close(timeout), going)))
        for folder in list(self._folders.values()):
            folder.cleanup()
        return ended
