"""What is loaded: every version of every model with its state, and the reason where it can't be served.

Rule: one model's failure is that model's state, never the server's; and while a model is replaced, its old versions
answer.
"""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from serving.core import model_config
from serving.core.remembered import RolledBack
from serving.core.repository_files import Files, version_folders
from serving.core.states import VersionStatus
from serving.engine import succession
from serving.engine.dispatch import Dispatch
from serving.engine.life_counts import LifeCounts
from serving.engine.load_policy import DEFAULT_POLICY, LoadPolicy
from serving.engine.loaded_model import LoadedModel, Version, newest_ready
from serving.engine.loaded_models import LoadedModels
from serving.engine.loading import Before, poll_failed, reason_of, unavailable
from serving.engine.model_source import ModelSource
from serving.engine.name_locks import NameLocks
from serving.engine.override import Override
from serving.engine.own_thread import in_own_thread
from serving.engine.repository import Repository
from serving.engine.response_cache import ResponseCache
from serving.engine.retirement import Folder, Retirement
from serving.engine.running_rollout import RunningRollout, SettledRollout, begin_rollout
from serving.engine.servable import Servable
from serving.engine.state_file import StateFile
from serving.errors import InvalidInput, ModelLoadFailed, RepositoryPollFailed
from serving.scheduling.rollout import Verdict

log = logging.getLogger("slipway")


class ModelRegistry:
    """`load`, `sync`, `promote`, `roll_back` and `close` block; all methods may be called from any thread."""

    def __init__(
        self,
        repository: Repository,
        loop: asyncio.AbstractEventLoop,
        names: Iterable[str] | None = None,
        policy: LoadPolicy = DEFAULT_POLICY,
        cache: ResponseCache | None = None,
        state: StateFile | None = None,
    ) -> None:
        """`names` are the models that will be loaded at once, by default the whole repository's. `state` is kept over
        a restart; without it, nothing is."""
        self.loaded = LoadedModels(repository.names() if names is None else names)
        self.dispatch = Dispatch(self.loaded.find, self.loaded.rollout, cache)
        self.counts: defaultdict[str, LifeCounts] = defaultdict(LifeCounts)
        self.repository = repository
        self._source = ModelSource(repository, loop, policy, self.dispatch)
        self._state = state or StateFile()
        self._changing = NameLocks()  # one change of a model at a time
        self._retirement = Retirement(cache)

    def __repr__(self) -> str:
        return f"<ModelRegistry {len(self.loaded.names())} models>"

    def changed(self) -> list[str]:
        """The models that `sync` would do something about. Reads the disk."""
        return self._source.changed(self.loaded.all())

    def load(self, name: str, override: Override | None = None) -> None:
        """Load a model, or load it anew: its old versions answer until the new ones are ready, and stay if one fails.

        Raises `ModelLoadFailed`, which is also the model's state then if it had nothing ready.
        """
        with self._changing.held(name):
            self._load(name, override, only_changes=False)

    def sync(self, name: str) -> None:
        """Follow the repository: load what changed since the last try, unload a model whose folder is gone.

        Raises `ModelLoadFailed` as `load` does.
        """
        with self._changing.held(name):
            if name not in self._source.names():
                if name in self.loaded:
                    self._unload(name, forget=True)
            elif self._source.is_changed(name, self.loaded.get(name)):
                self._load(name, None, only_changes=True)

    def unload(self, name: str) -> None:
        """Returns at once: requests that were accepted are answered, new ones refused. An unknown model is unloaded."""
        with self._changing.held(name):
            self._unload(name)

    def promote(self, name: str, version: str = "") -> str:
        """Give all traffic to that version; unless named, to the one that a rollout tries, or the highest that was
        rolled back. Which one it is.

        Raises `InvalidInput` where there is none, `ModelNotFound`, `ModelLoadFailed`.
        """
        with self._changing.held(name):
            model = self.loaded.model(name)
            trial = model.rollout
            if trial is not None and version in ("", trial.candidate.version):
                return self._promote(name, model, trial, "by hand")
            if trial is not None and version == model.current:
                return self._reject(name, model, trial, "by hand")
            return self._bring_back(name, model, version)

    def roll_back(self, name: str, version: str = "") -> str:
        """Take all traffic from that version; unless named, from the one that a rollout tries, or else the one that
        serves. Which one serves now.

        Raises `InvalidInput` where there is no earlier version, `ModelNotFound`, `ModelLoadFailed`.
        """
        with self._changing.held(name):
            model = self.loaded.model(name)
            trial = model.rollout
            if trial is not None and version in ("", trial.candidate.version):
                return self._reject(name, model, trial, "by hand")
            if not version or (trial is None and version == model.current):
                return self._step_back(name, model)
            return self._put_away(name, model, version)

    def drain(self) -> None:
        """Hold no request back any more; new ones are still answered."""
        for model in self.loaded.served():
            model.drain()

    def close(self, timeout: float) -> bool:
        """Every model answers what it has queued, all at once; False when one still runs after `timeout` seconds."""
        return self._retirement.close(self.loaded.served(), timeout)

    def index(self) -> list[VersionStatus]:
        """What was loaded, and what lies in the repository and was not. Reads the disk."""
        others = [name for name in self._source.names() if name not in self.loaded]
        return [*self.loaded.statuses(), *map(self._source.not_loaded, others)]

    def _load(self, name: str, override: Override | None, only_changes: bool, up_to: str = "") -> None:
        """`only_changes` keeps versions that serve what lies there; `up_to` a version, which begins no rollout."""
        old = self.loaded.get(name)
        at_start = None
        if old is None or not old.has_ready:
            self.loaded.put(name, LoadedModel.loading())
            at_start = self._state.of(name) if override is None else None
        files: Files = {}
        try:
            files = self._source.files(name, override)
            kept = succession.unchanged(old, files) if only_changes else {}
            away = succession.still_rolled_back(old, files) if only_changes else {}
            if at_start is not None:
                away = succession.still_rolled_back(at_start, files)
            without = {*away, *self._source.above(name, up_to)}
            loaded, folder = self._source.load(name, override, Before(files, kept, without, at_start))
        except Exception as error:  # whatever a model's files cause is its own failure
            self._settle(name, old, files, error)
            raise poll_failed(name, error) from None
        is_known = at_start is not None and at_start.served(newest_ready(loaded), files)
        begin = succession.at_once if up_to or override is not None or is_known else self._begin_rollout
        there = version_folders(files) if only_changes or old is None else old.versions.keys()
        new = succession.succeed(old, loaded, there, files, away, begin)
        failed = [
            f"version {number} is at UNAVAILABLE state: {it.reason};" for number, it in loaded.items() if it.reason
        ]
        is_taken = any(it.served is not None and new.versions.get(number) is it for number, it in loaded.items())
        self.counts[name].note_load(failed=bool(failed))
        self._replace(name, new, loaded, self._retirement.swap_folder(name, folder) if is_taken else folder)
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
            log.error("%s could not be loaded: %s", name, error)
            if old is None or old.is_loading:
                self.loaded.remove(name)
            else:
                self.loaded.put(name, old)
        else:
            self.loaded.put(name, LoadedModel({"": unavailable(name, "", error)}, tried=files))
            self.counts[name].note_load(failed=True)
            self._forget_invented(name)

    def _forget_invented(self, name: str) -> None:
        """A name that only a failed load request knows; its caller has the reason, and the index would grow."""
        if not self.loaded.model(name).has_ready and name not in self._source.names():
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
        with self._changing.held(name):
            if self.loaded.get(name) is gone:
                self._end(name, gone, forget)

    def _end(self, name: str, model: LoadedModel, forget: bool) -> None:
        if forget:
            self.loaded.remove(name)
        else:
            self.loaded.put(name, model.unloaded())

    def _begin_rollout(self, current: Servable, candidate: Servable) -> RunningRollout | None:
        return begin_rollout(current, candidate, lambda *settled: in_own_thread(self._carry_out, *settled))

    def _carry_out(self, rollout: RunningRollout, verdict: Verdict) -> None:
        name = rollout.current.name
        with self._changing.held(name):
            model = self.loaded.get(name)
            if model is not None and model.rollout is rollout:
                (self._promote if verdict.promote else self._reject)(name, model, rollout, verdict.reason)

    def _promote(self, name: str, model: LoadedModel, rollout: RunningRollout, reason: str) -> str:
        number = rollout.candidate.version
        log.info("%s version %s is promoted: %s", name, number, reason)
        selected = model_config.select_versions(rollout.candidate.config, map(int, self._source.present(name)))
        self.counts[name].promotions += 1
        self.counts[name].last_rollout = SettledRollout(True, reason, rollout.progress())
        self._replace(name, succession.promote(model, number, [str(version) for version in selected]))
        return number

    def _reject(self, name: str, model: LoadedModel, rollout: RunningRollout, reason: str) -> str:
        number = rollout.candidate.version
        log.error("%s version %s is rolled back: %s", name, number, reason)
        self.counts[name].rollbacks += 1
        self.counts[name].last_rollout = SettledRollout(False, reason, rollout.progress())
        self._replace(name, succession.reject(model, number, reason))
        return model.current

    def _bring_back(self, name: str, model: LoadedModel, version: str) -> str:
        number = version or succession.to_bring_back(name, model)
        files = self._source.files(name)
        self.loaded.put(name, succession.bring_back(name, model, number, files))
        self._turn_to(name, number, model.rolled_back)
        log.info("%s version %s is promoted: by hand", name, number)
        self.counts[name].promotions += 1
        return number

    def _step_back(self, name: str, model: LoadedModel) -> str:
        number = succession.to_go_back_to(name, model, self._source.present(name))
        self.loaded.put(name, succession.roll_back(model, model.current, "by hand"))
        self._turn_to(name, number, model.rolled_back)
        log.error("%s version %s is rolled back: by hand", name, model.current)
        self.counts[name].rollbacks += 1
        return number

    def _put_away(self, name: str, model: LoadedModel, number: str) -> str:
        """One that gets no traffic anyhow, and will not."""
        self._replace(name, succession.put_away(name, model, number, self._source.files(name)))
        log.error("%s version %s is rolled back: by hand", name, number)
        self.counts[name].rollbacks += 1
        return model.current

    def _turn_to(self, name: str, number: str, rolled_back: Mapping[str, RolledBack]) -> None:
        """Load that version and none above it. Where it can't be, `rolled_back` is as it was."""
        try:
            self._load(name, None, only_changes=True, up_to=number)
            succession.check_turned(name, self.loaded.model(name), number)
        except (ModelLoadFailed, InvalidInput):
            self.loaded.put(name, replace(self.loaded.model(name), rolled_back=rolled_back))
            raise

    def _replace(
        self,
        name: str,
        new: LoadedModel,
        loaded: Mapping[str, Version] = MappingProxyType({}),
        folder: Folder | None = None,
    ) -> None:
        """In one step; what was there, or was `loaded`, and is not in `new` retires, then `folder` with it."""
        old = self.loaded.model(name)
        self.loaded.put(name, new)
        if new.has_ready:
            self._state.note(name, new.remembered)
        stay = set(new.served())
        known = {*old.served(), *(version.served for version in loaded.values() if version.served is not None)}
        self._retirement.retire(known - stay, folder)
