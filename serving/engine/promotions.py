"""Which version of a model gets the traffic: what trials come to, and what people ask for.

Rule: a decision is remembered when it is so, not before; what can't be done leaves everything as it was.
"""

import logging
from collections.abc import Callable, Collection

from serving.core.model_config import select_versions
from serving.core.repository_files import version_folders
from serving.engine import succession
from serving.engine.loaded_model import LoadedModel
from serving.engine.registry import ModelRegistry
from serving.engine.running_rollout import RunningRollout, SettledRollout
from serving.errors import ModelLoadFailed
from serving.scheduling.rollout import Verdict

log = logging.getLogger("slipway")


class Promotions:
    """All methods block, and may be called from any thread."""

    def __init__(self, registry: ModelRegistry, follow: Callable[[str], object]) -> None:
        """`follow` is called with a model's name after its traffic was turned."""
        self._registry = registry
        self._follow = follow

    def promote(self, name: str, version: str = "") -> str:
        """Give all traffic to that version; unless named, to the one that a rollout tries, or the highest that was
        rolled back. Which one it is.

        Raises `InvalidInput` where there is none, `ModelNotFound`, `ModelLoadFailed`.
        """
        with self._registry.changing(name):
            number = self._promote(name, self._registry.loaded.model(name), version)
        self._follow(name)
        return number

    def roll_back(self, name: str, version: str = "") -> str:
        """Take all traffic from that version; unless named, from the one that a rollout tries, or else the one that
        serves. Which one serves now.

        Raises `InvalidInput` where there is no earlier version, `ModelNotFound`, `ModelLoadFailed`.
        """
        with self._registry.changing(name):
            number = self._roll_back(name, self._registry.loaded.model(name), version)
        self._follow(name)
        return number

    def carry_out(self, rollout: RunningRollout, verdict: Verdict) -> None:
        """Unless the trial has ended otherwise meanwhile."""
        name = rollout.current.name
        with self._registry.changing(name):
            model = self._registry.loaded.get(name)
            if model is None or model.rollout is not rollout:
                return
            (self._accept if verdict.promote else self._reject)(name, model, rollout, verdict.reason)
        self._follow(name)

    def _promote(self, name: str, model: LoadedModel, version: str) -> str:
        trial = model.rollout
        if trial is not None and version in ("", trial.candidate.version):
            return self._accept(name, model, trial, "by hand")
        if trial is not None and version == model.current:
            return self._reject(name, model, trial, "by hand")
        files, config = self._registry.source.files(name), self._registry.repository.config(name)
        turn = succession.turn_to(name, model, version, files, config)
        self._registry.turn(name, turn)
        log.info("%s version %s is promoted: by hand", name, turn.number)
        self._registry.counts[name].promotions += 1
        return turn.number

    def _roll_back(self, name: str, model: LoadedModel, version: str) -> str:
        trial = model.rollout
        if trial is not None and version in ("", trial.candidate.version):
            return self._reject(name, model, trial, "by hand")
        files = self._registry.source.files(name)
        if not version or (trial is None and version == model.current):
            turn = succession.turn_back(name, model, files, self._registry.repository.config(name))
            self._registry.turn(name, turn)
            version, number = model.current, turn.number
        else:
            self._registry.replace(name, succession.put_away(name, model, version, files))
            number = model.current
        log.error("%s version %s is rolled back: by hand", name, version)
        self._registry.counts[name].rollbacks += 1
        return number

    def _accept(self, name: str, model: LoadedModel, rollout: RunningRollout, reason: str) -> str:
        number = rollout.candidate.version
        log.info("%s version %s is promoted: %s", name, number, reason)
        self._registry.counts[name].promotions += 1
        self._registry.counts[name].last_rollout = SettledRollout(True, reason, rollout.progress())
        self._registry.replace(name, succession.promote(model, number, self._selected(name, model, rollout)))
        return number

    def _reject(self, name: str, model: LoadedModel, rollout: RunningRollout, reason: str) -> str:
        number = rollout.candidate.version
        log.error("%s version %s is rolled back: %s", name, number, reason)
        self._registry.counts[name].rollbacks += 1
        self._registry.counts[name].last_rollout = SettledRollout(False, reason, rollout.progress())
        self._registry.replace(name, succession.reject(model, number, reason))
        return model.current

    def _selected(self, name: str, model: LoadedModel, rollout: RunningRollout) -> Collection[str]:
        """By the version policy; all that are loaded where it can't be told what there is."""
        try:
            there = version_folders(self._registry.source.files(name))
        except ModelLoadFailed:
            return model.versions.keys()
        return [str(number) for number in select_versions(rollout.candidate.config, map(int, there))]
