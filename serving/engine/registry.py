"""What is loaded: every version of every model with its state, and the reason where it can't be served.

Rule: one model's failure is that model's state, never the server's; and while a model is replaced, its old versions
answer.
"""

import asyncio
import dataclasses
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import MappingProxyType

from serving.core.remembered import NOTHING
from serving.core.repository_files import Files, version_folders
from serving.core.states import VersionStatus
from serving.engine import succession
from serving.engine.dispatch import Dispatch
from serving.engine.life_counts import LifeCounts
from serving.engine.load_policy import DEFAULT_POLICY, LoadPolicy
from serving.engine.loaded_model import LoadedModel, Version
from serving.engine.loaded_models import LoadedModels
from serving.engine.loading import Before, poll_failed, reason_of, unavailable
from serving.engine.model_source import ModelSource
from serving.engine.name_locks import NameLocks
from serving.engine.override import Override
from serving.engine.own_thread import in_own_thread
from serving.engine.repository import Repository
from serving.engine.response_cache import ResponseCache
from serving.engine.retirement import Folder, Retirement
from serving.engine.running_rollout import RunningRollout, begin_rollout
from serving.engine.servable import Servable
from serving.engine.state_file import StateFile
from serving.engine.succession import Turn
from serving.errors import ModelLoadFailed, RepositoryPollFailed
from serving.scheduling.rollout import Verdict

log = logging.getLogger("slipway")


def _leave_to_people(rollout: RunningRollout, verdict: Verdict) -> None:
    log.warning("%r: %s", rollout, verdict)


class ModelRegistry:
    """`load`, `sync`, `turn` and `close` block; all methods may be called from any thread."""

    def __init__(
        self,
        repository: Repository,
        loop: asyncio.AbstractEventLoop,
        names: Iterable[str] | None = None,
        policy: LoadPolicy = DEFAULT_POLICY,
        cache: ResponseCache | None = None,
        state: StateFile | None = None,
        carry_out: Callable[[RunningRollout, Verdict], object] = _leave_to_people,
    ) -> None:
        """`names` are the models that will be loaded at once, by default the whole repository's. `state` is kept over
        a restart; without it, nothing is. `carry_out` is called on a thread that may block when a trial has come
        to a verdict."""
        self.loaded = LoadedModels(repository.names() if names is None else names)
        self.dispatch = Dispatch(self.loaded.find, self.loaded.rollout, cache)
        self.counts: defaultdict[str, LifeCounts] = defaultdict(LifeCounts)
        self.repository = repository
        self.source = ModelSource(repository, loop, policy, self.dispatch)
        self._state = state or StateFile()
        self._carry_out = carry_out
        self.changing = NameLocks().held  # one change of a model at a time
        self._retirement = Retirement(cache)

    def __repr__(self) -> str:
        return f"<ModelRegistry {len(self.loaded.names())} models>"

    def changed(self) -> list[str]:
        """The models that `sync` would do something about. Reads the disk."""
        return self.source.changed(self.loaded.all())

    def load(self, name: str, override: Override | None = None) -> None:
        """Load a model, or load it anew: its old versions answer until the new ones are ready, and stay if one fails.

        Raises `ModelLoadFailed`, which is also the model's state then if it had nothing ready.
        """
        with self.changing(name):
            self._load(name, override, only_changes=False)

    def sync(self, name: str) -> None:
        """Follow the repository: load what changed since the last try, unload a model whose folder is gone.

        Raises `ModelLoadFailed` as `load` does.
        """
        with self.changing(name):
            if name not in self.source.names():
                if name in self.loaded:
                    self._unload(name, forget=True)
            elif self.source.is_changed(name, self.loaded.get(name)):
                self._load(name, None, only_changes=True)

    def unload(self, name: str) -> None:
        """Returns at once: requests that were accepted are answered, new ones refused. An unknown model is unloaded."""
        with self.changing(name):
            self._unload(name)

    def turn(self, name: str, turn: Turn) -> None:
        """Load the version that is to serve, if need be, and give it all traffic at once; the others go but for those
        that the version policy selects too. Raises `ModelLoadFailed`, and then all is as it was.

        For whoever holds `changing`.
        """
        self._load(name, None, only_changes=True, turn=turn)

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""
        for model in self.loaded.served():
            model.drain()

    def close(self, timeout: float) -> bool:
        """Every model answers what it has queued, all at once; False when one still runs after `timeout` seconds."""
        return self._retirement.close(self.loaded.served(), timeout)

    def index(self) -> list[VersionStatus]:
        """What was loaded, and what lies in the repository and was not. Reads the disk."""
        others = [name for name in self.source.names() if name not in self.loaded]
        return [*self.loaded.statuses(), *map(self.source.not_loaded, others)]

    def _load(self, name: str, override: Override | None, only_changes: bool, turn: Turn | None = None) -> None:
        """`only_changes` keeps versions that serve what lies there; a `turn` is to one that begins no rollout."""
        old = self.loaded.get(name)
        serves = old is not None and old.has_ready
        if old is None or not serves:
            self.loaded.put(name, LoadedModel.loading())
        remembered = self._state.of(name) if not serves else NOTHING
        brings = override is not None and bool(override.files)
        away = old.rolled_back if old is not None and serves else remembered.rolled_back
        files: Files = {}
        try:
            files = self.source.files(name, override)
            if turn is not None:
                away = turn.rolled_back
            elif not brings:  # or else what is away is not what it brings
                away = succession.still_rolled_back(away, files, partial(self.source.digest, name))
            before = Before(
                files,
                succession.unchanged(old, files) if only_changes else {},
                {*away, *_above(files, turn)},
                remembered if not serves and override is None else None,
                old,
            )
            loaded, folder = self.source.load(name, override, before)
        except Exception as error:  # whatever a model's files cause is its own failure
            self._settle(name, old, files, error)
            raise poll_failed(name, error) from None
        begin = succession.at_once if turn is not None or override is not None else self._begin_rollout
        there = version_folders(files) if only_changes or old is None else old.versions.keys()
        new = succession.succeed(old, loaded, there, files, away, begin, remembered)
        failed = [
            f"version {number} is at UNAVAILABLE state: {it.reason};" for number, it in loaded.items() if it.reason
        ]
        is_taken = any(it.served is not None and new.versions.get(number) is it for number, it in loaded.items())
        self.counts[name].note_load(failed=bool(failed))
        self.replace(name, new, loaded, self._retirement.swap_folder(name, folder) if is_taken else folder, brings)
        if failed:
            self._forget_invented(name)
            raise ModelLoadFailed(f"load failed for model '{name}': {' '.join(failed)}")

    def _settle(self, name: str, old: LoadedModel | None, files: Files, error: Exception) -> None:
        """Nothing could be loaded."""
        if old is not None and old.has_ready:
            log.error("%s could not be loaded anew and goes on as it is: %s", name, reason_of(error))
            self.loaded.put(name, old.with_failure("", reason_of(error), files))
            self.counts[name].note_load(failed=True)
        elif isinstance(error, RepositoryPollFailed):  # nothing is known of it, as before
            if old is not None and old.is_loading:  # it was asked for at the start
                self.loaded.put(name, LoadedModel({"": unavailable(name, "", error)}))
                return
            log.error("%s could not be loaded: %s", name, error)
            if old is None:
                self.loaded.remove(name)
            else:
                self.loaded.put(name, old)
        else:
            self.loaded.put(name, LoadedModel({"": unavailable(name, "", error)}, tried=files))
            self.counts[name].note_load(failed=True)
            self._forget_invented(name)

    def _forget_invented(self, name: str) -> None:
        """A name that only a failed load request knows; its caller has the reason, and the index would grow."""
        if not self.loaded.model(name).has_ready and name not in self.source.names():
            self.loaded.remove(name)
            del self.counts[name]

    def _unload(self, name: str, forget: bool = False) -> None:
        old = self.loaded.get(name)
        if old is None:
            return
        if old.has_ready:
            log.info("%s is unloading", name)
            gone = old.unloading()
            self.loaded.put(name, gone)
            self._retirement.retire(
                old.served(),
                self._retirement.swap_folder(name, None),
                then=lambda: self._note_unloaded(name, gone, forget),
            )
        else:
            self._end(name, old, forget)

    def _note_unloaded(self, name: str, gone: LoadedModel, forget: bool) -> None:
        with self.changing(name):
            if self.loaded.get(name) is gone:
                self._end(name, gone, forget)

    def _end(self, name: str, model: LoadedModel, forget: bool) -> None:
        if forget:
            self.loaded.remove(name)
        else:
            self.loaded.put(name, model.unloaded())

    def _begin_rollout(self, current: Servable, candidate: Servable) -> RunningRollout | None:
        return begin_rollout(current, candidate, lambda *settled: in_own_thread(self._carry_out, *settled))

    def replace(
        self,
        name: str,
        new: LoadedModel,
        loaded: Mapping[str, Version] = MappingProxyType({}),
        folder: Folder | None = None,
        is_brought: bool = False,
    ) -> None:
        """In one step; what was there, or was `loaded`, and is not in `new` retires, then `folder` with it. What a
        request brought is not remembered. For whoever holds `changing`."""
        old = self.loaded.model(name)
        self.loaded.put(name, new)
        for number, words in new.changed.items():
            if new.versions.get(number) is not old.versions.get(number):
                log.warning("%s version %s: %s", name, number, words)
        if new.has_ready and not is_brought:
            new = dataclasses.replace(new, rolled_back=self.source.with_digests(name, new.rolled_back))
            self.loaded.put(name, new)
            self._state.note(name, new.remembered)
        stay = set(new.served())
        known = {*old.served(), *(version.served for version in loaded.values() if version.served is not None)}
        self._retirement.retire(known - stay, folder)


def _above(files: Files, turn: Turn | None) -> list[str]:
    """The version folders that a turn passes over."""
    return [] if turn is None else [number for number in version_folders(files) if int(number) > int(turn.number)]
