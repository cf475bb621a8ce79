"""What a model becomes when versions were loaded, promoted or turned down.

Rule: from one `LoadedModel` to the next; nothing here loads, closes or waits.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from serving.core.remembered import Remembered, RolledBack
from serving.core.repository_files import Files, of_all_versions, of_version, version_folders
from serving.engine.loaded_model import LoadedModel, Version, newest_ready, sorted_versions
from serving.engine.running_rollout import RunningRollout
from serving.engine.servable import Servable
from serving.errors import InvalidInput

Begin = Callable[[Servable, Servable], RunningRollout | None]
"""From the version that serves and its successor; None where the successor takes over at once."""


def at_once(_: Servable, __: Servable) -> None:
    """A `Begin` without rollouts."""


def unchanged(old: LoadedModel | None, files: Files) -> dict[str, Version]:
    """The versions that serve what lies in the repository now."""
    shared = of_all_versions(files)
    return {
        number: version
        for number, version in (old.versions if old is not None else {}).items()
        if version.served is not None and version.files == of_version(files, number) and version.shared == shared
    }


def still_rolled_back(before: LoadedModel | Remembered | None, files: Files) -> dict[str, RolledBack]:
    """Versions that have not changed since they were rolled back."""
    away = {} if before is None else before.rolled_back
    return {number: it for number, it in away.items() if it.files == of_version(files, number)}


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
    return _begin(loaded, files, rolled_back, begin)


def promote(model: LoadedModel, candidate: str, selected: Collection[str]) -> LoadedModel:
    """The candidate takes all traffic; of the others those stay that the version policy selects."""
    versions = {number: it for number, it in model.versions.items() if number == candidate or number in selected}
    return replace(model, versions=versions, current=candidate, rollout=None)


def to_bring_back(name: str, model: LoadedModel) -> str:
    """The highest version that was rolled back. Raises `InvalidInput` where there is none."""
    if not model.rolled_back:
        raise InvalidInput(f"'{name}' has no version that could be promoted: none is on trial or rolled back")
    return max(model.rolled_back, key=int)


def bring_back(name: str, model: LoadedModel, number: str, files: Files) -> LoadedModel:
    """The next load takes that version, and passes over the higher ones that served; until then all is as it was.
    Raises `InvalidInput`."""
    _check_there(name, number, files)
    above = {other: it for other, it in model.versions.items() if int(other or 0) > int(number)}
    passed = {other: RolledBack(it.files, f"version {number} was promoted by hand") for other, it in above.items()}
    return replace(model, rolled_back={**passed, **without(model.rolled_back, number)})


def put_away(name: str, model: LoadedModel, number: str, files: Files) -> LoadedModel:
    """A version that has no traffic of its own goes, and stays away until its files change. Raises `InvalidInput`."""
    if model.rollout is not None and number == model.rollout.current.version:
        raise InvalidInput(
            f"'{name}' version {number} is what version {model.rollout.candidate.version} is compared with; promote or "
            "roll back that one first"
        )
    _check_there(name, number, files)
    versions = {other: version for other, version in model.versions.items() if other != number}
    away = {number: RolledBack(of_version(files, number), "by hand"), **model.rolled_back}
    return replace(model, versions=versions, rolled_back=away)


def _check_there(name: str, number: str, files: Files) -> None:
    there = sorted(version_folders(files), key=int)
    if number not in there:
        raise InvalidInput(f"'{name}' has no version {number[:20]}; it has {', '.join(there) or 'none'}")


def to_go_back_to(name: str, model: LoadedModel, present: Collection[str]) -> str:
    """The highest version below the one that serves. Raises `InvalidInput` where there is none."""
    lower = [number for number in present if int(number) < int(model.current or 0) and number not in model.rolled_back]
    if not lower:
        raise InvalidInput(f"'{name}' has no earlier version than {model.current or 'none'} to go back to")
    return max(lower, key=int)


def check_turned(name: str, model: LoadedModel, number: str) -> None:
    """Raises `InvalidInput` where another version serves than was asked for."""
    if model.current != number:
        raise InvalidInput(f"'{name}' has no version {number} any more, or its version_policy does not select it")


def without(rolled_back: Mapping[str, RolledBack], number: str) -> dict[str, RolledBack]:
    return {other: it for other, it in rolled_back.items() if other != number}


def roll_back(model: LoadedModel, number: str, reason: str) -> LoadedModel:
    """The next load passes over that version unless its files change; until then it is where it was."""
    gone = RolledBack(model.versions[number].files, reason)
    return replace(model, rolled_back={**model.rolled_back, number: gone})


def reject(model: LoadedModel, candidate: str, reason: str) -> LoadedModel:
    """The candidate is rolled back, and goes."""
    versions = {number: version for number, version in model.versions.items() if number != candidate}
    return replace(roll_back(model, candidate, reason), versions=versions, rollout=None)


def _stay(old: LoadedModel, failed: Mapping[str, str], present: Collection[str], files: Files) -> LoadedModel:
    rollout = old.rollout
    keep = {*present} if rollout is None else {*present, rollout.current.version}  # a trial needs what it is against
    there = {number: version for number, version in old.versions.items() if number in keep}
    versions = there if newest_ready(there) else old.versions
    current = old.current if old.current in versions else newest_ready(versions)
    if rollout is not None and rollout.candidate.version not in versions:
        rollout = None
    return replace(old, versions=versions, current=current, failed=dict(failed), tried=files, rollout=rollout)


def _begin(
    loaded: Mapping[str, Version], files: Files, rolled_back: Mapping[str, RolledBack], begin: Begin
) -> LoadedModel:
    """Nothing served so far. The newest version has its trial beside the one before it, as it would have had if they
    had come one after the other."""
    newest = newest_ready(loaded)
    before = newest_ready({number: version for number, version in loaded.items() if number != newest})
    current, candidate = (loaded[number].served if number else None for number in (before, newest))
    rollout = begin(current, candidate) if current is not None and candidate is not None else None
    return LoadedModel(dict(loaded), newest if rollout is None else before, {}, rolled_back, files, rollout)


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
    return None if newest is None else begin(serving, newest)
