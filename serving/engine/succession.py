"""What a model becomes when versions were loaded, promoted or turned down.

Rule: from one `LoadedModel` to the next; nothing here loads, closes or waits.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from serving.core.repository_files import Files, of_all_versions, of_version
from serving.engine.loaded_model import LoadedModel, RolledBack, Version, newest_ready, sorted_versions
from serving.engine.running_rollout import RunningRollout
from serving.engine.servable import Servable

Begin = Callable[[Servable, Servable], RunningRollout | None]
"""From the version that serves and its successor; None where the successor takes over at once."""


def at_once(_: Servable, __: Servable) -> None:
    """A `Begin` without rollouts."""


def unchanged(old: LoadedModel | None, files: Files) -> dict[str, Version]:
    """The versions that serve what lies in the repository now."""
    if old is None or of_all_versions(old.tried) != of_all_versions(files):
        return {}
    return {
        number: version
        for number, version in old.versions.items()
        if version.served is not None and version.files == of_version(files, number)
    }


def still_rolled_back(old: LoadedModel | None, files: Files) -> dict[str, RolledBack]:
    """Versions that have not changed since they were rolled back."""
    before = {} if old is None else old.rolled_back
    return {number: it for number, it in before.items() if it.files == of_version(files, number)}


def succeed(
    old: LoadedModel | None,
    loaded: Mapping[str, Version],
    present: Collection[str],
    files: Files,
    rolled_back: Mapping[str, RolledBack],
    begin: Begin,
) -> LoadedModel:
    """After a load whose outcome is `loaded`; `present` are the version folders that are there.

    Where one failed, all that were loaded with it are not taken, and the old ones stay but for those that are gone.
    """
    failed = {number: version.reason for number, version in loaded.items() if version.reason}
    if old is not None and old.has_ready:
        if failed:
            return _stay(old, failed, present, files)
        return _take_over(old, loaded, files, rolled_back, begin)
    return LoadedModel(dict(loaded), newest_ready(loaded), rolled_back=rolled_back, tried=files)


def promote(model: LoadedModel, candidate: str, selected: Collection[str]) -> LoadedModel:
    """The candidate takes all traffic; of the others those stay that the version policy selects."""
    versions = {number: it for number, it in model.versions.items() if number == candidate or number in selected}
    return replace(model, versions=versions, current=candidate, rollout=None)


def roll_back(model: LoadedModel, number: str, reason: str) -> LoadedModel:
    """The next load passes over that version unless its files change; until then it is where it was."""
    gone = RolledBack(model.versions[number].files, reason)
    return replace(model, rolled_back={**model.rolled_back, number: gone})


def reject(model: LoadedModel, candidate: str, reason: str) -> LoadedModel:
    """The candidate is rolled back, and goes."""
    versions = {number: version for number, version in model.versions.items() if number != candidate}
    return replace(roll_back(model, candidate, reason), versions=versions, rollout=None)


def _stay(old: LoadedModel, failed: Mapping[str, str], present: Collection[str], files: Files) -> LoadedModel:
    there = {number: version for number, version in old.versions.items() if number in present}
    versions = there if newest_ready(there) else old.versions
    current = old.current if old.current in versions else newest_ready(versions)
    rollout = old.rollout
    if rollout is not None and not {rollout.current.version, rollout.candidate.version} <= versions.keys():
        rollout = None
    return replace(old, versions=versions, current=current, failed=dict(failed), tried=files, rollout=rollout)


def _take_over(
    old: LoadedModel, loaded: Mapping[str, Version], files: Files, rolled_back: Mapping[str, RolledBack], begin: Begin
) -> LoadedModel:
    newest = newest_ready(loaded)
    serving = loaded.get(old.current, old.versions.get(old.current))
    rollout = None
    if serving is not None and serving.served is not None and int(newest or 0) > int(old.current):
        rollout = _trial(old, serving.served, loaded[newest].served, begin)
    if rollout is None:
        return LoadedModel(dict(loaded), newest, {}, rolled_back, files)
    assert serving is not None
    versions = sorted_versions({**loaded, old.current: serving})
    return LoadedModel(versions, old.current, {}, rolled_back, files, rollout)


def _trial(old: LoadedModel, serving: Servable, newest: Servable | None, begin: Begin) -> RunningRollout | None:
    going = old.rollout
    if going is not None and going.current is serving and going.candidate is newest:
        return going
    if newest is None or (going is None and newest in list(old.served())):
        return None
    return begin(serving, newest)
