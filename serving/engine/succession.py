"""What a model becomes when versions were loaded, promoted or turned down.

Rule: from one `LoadedModel` to the next; nothing here loads, closes or waits.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from serving.core.model_config import ModelConfig, select_versions
from serving.core.remembered import NOTHING, Remembered, RolledBack
from serving.core.repository_files import Files, of_all_versions, of_version, version_folders
from serving.engine.changed_outputs import changed_outputs
from serving.engine.loaded_model import LoadedModel, Version, newest_ready, sorted_versions
from serving.engine.running_rollout import RunningRollout
from serving.engine.servable import Servable
from serving.errors import InvalidInput

Begin = Callable[[Servable, Servable], RunningRollout | None]
"""From the version that serves and its successor; None where the successor takes over at once."""


Digest = Callable[[str], str]
"""Of the content of a version's files; "" where that would take too long."""


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


def still_rolled_back(away: Mapping[str, RolledBack], files: Files, digest: Digest) -> dict[str, RolledBack]:
    """Versions that have not changed since they were rolled back, with the marks that they have now."""
    there = {number: of_version(files, number) for number in away}
    return {
        number: replace(it, files=there[number])
        for number, it in away.items()
        if it.files == there[number] or (it.digest and there[number] and it.digest == digest(number))
    }


def succeed(
    old: LoadedModel | None,
    loaded: Mapping[str, Version],
    present: Collection[str],
    files: Files,
    rolled_back: Mapping[str, RolledBack],
    begin: Begin,
    before: Remembered = NOTHING,
) -> LoadedModel:
    """After a load whose outcome is `loaded`; `present` are the version folders that are there, `before` is what is
    remembered of a model that did not serve.

    Where one failed, all that were loaded with it are not taken, and the old ones stay but for those that are gone.
    """
    failed = {number: version.reason for number, version in loaded.items() if version.reason}
    if old is not None and old.has_ready:
        if failed:
            return _stay(old, failed, present, files)
        return _take_over(old, loaded, files, rolled_back, begin)
    return _begin(loaded, files, rolled_back, begin, before)


def promote(model: LoadedModel, candidate: str, selected: Collection[str]) -> LoadedModel:
    """The candidate takes all traffic; of the others those stay that the version policy selects."""
    versions = {number: it for number, it in model.versions.items() if number == candidate or number in selected}
    return replace(model, versions=versions, current=candidate, rollout=None)


@dataclass(frozen=True, slots=True)
class Turn:
    """The version that is to serve, and those that stay away for it."""

    number: str
    rolled_back: Mapping[str, RolledBack]


def turn_to(name: str, model: LoadedModel, number: str, files: Files, config: ModelConfig) -> Turn:
    """To that version; "" for the highest that was rolled back. Higher ones that served are passed over from now on.

    Raises `InvalidInput` where there is none, or the config's version policy would not serve it.
    """
    if not number and not model.rolled_back:
        others = ", ".join(sorted(version_folders(files) - model.versions.keys(), key=int))
        named = f"; name one that is to be loaded: {others}" if others else ""
        raise InvalidInput(f"'{name}' has no version that could be promoted: none is on trial or rolled back{named}")
    number = number or max(model.rolled_back, key=int)
    _check_there(name, number, files)
    above = {other: it for other, it in model.versions.items() if int(other or 0) > int(number)}
    passed = {other: RolledBack(it.files, f"version {number} was promoted by hand") for other, it in above.items()}
    away = {**passed, **without(model.rolled_back, number)}
    if not _would_serve(number, files, away, config):
        raise InvalidInput(f"'{name}' version {number} can't serve: the model's version_policy does not select it")
    return Turn(number, away)


def turn_back(name: str, model: LoadedModel, files: Files, config: ModelConfig) -> Turn:
    """To the highest version below the one that serves that its version policy would serve. Raises `InvalidInput`."""
    away = roll_back(model, model.current, "by hand").rolled_back if model.current else {}
    lower = [number for number in version_folders(files) if int(number) < int(model.current or 0)]
    for number in sorted(lower, key=int, reverse=True):
        if number not in away and _would_serve(number, files, away, config):
            return Turn(number, away)
    raise InvalidInput(f"'{name}' has no earlier version than {model.current or 'none'} to go back to")


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


def _would_serve(number: str, files: Files, away: Collection[str], config: ModelConfig) -> bool:
    left = [int(other) for other in version_folders(files) if other not in away and int(other) <= int(number)]
    return int(number) in select_versions(config, left)


def _check_there(name: str, number: str, files: Files) -> None:
    there = sorted(version_folders(files), key=int)
    if number not in there:
        raise InvalidInput(f"'{name}' has no version {number[:20]}; it has {', '.join(there) or 'none'}")


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


def before_trial(ready: Collection[str], newest: str, files: Files, before: Remembered) -> str:
    """Of the versions that are ready, the one that the newest is tried beside: the one that served last, or else the
    one before it; "" for none."""
    if before.current in ready and before.current != newest and before.served(before.current, files):
        return before.current
    return max((number for number in ready if int(number) < int(newest)), key=int, default="")


def _begin(
    loaded: Mapping[str, Version],
    files: Files,
    rolled_back: Mapping[str, RolledBack],
    begin: Begin,
    before: Remembered,
) -> LoadedModel:
    """Nothing served so far. The newest version has its trial, as it would have had if they had come one after the
    other; not if it served last."""
    newest = newest_ready(loaded)
    ready = [number for number, version in loaded.items() if version.served is not None]
    current = "" if not ready or before.served(newest, files) else before_trial(ready, newest, files, before)
    serving, candidate = (loaded[number].served if number else None for number in (current, newest))
    rollout = begin(serving, candidate) if serving is not None and candidate is not None else None
    return LoadedModel(dict(loaded), newest if rollout is None else current, {}, rolled_back, files, rollout)


def _take_over(
    old: LoadedModel, loaded: Mapping[str, Version], files: Files, rolled_back: Mapping[str, RolledBack], begin: Begin
) -> LoadedModel:
    newest = newest_ready(loaded)
    serving = loaded.get(old.current, old.versions.get(old.current))
    rollout = None
    if serving is not None and serving.served is not None and int(newest or 0) > int(old.current):
        rollout = _trial(old, serving.served, loaded[newest].served, begin)
    changed = _changed(old, newest, loaded)
    if rollout is None:
        return LoadedModel(dict(loaded), newest, {}, rolled_back, files, None, changed)
    assert serving is not None
    versions = sorted_versions({**loaded, old.current: serving})
    return LoadedModel(versions, old.current, {}, rolled_back, files, rollout, changed)


def _changed(old: LoadedModel, newest: str, loaded: Mapping[str, Version]) -> dict[str, str]:
    """How the outputs of the newest version, if it is one that was not there, differ from those of what served."""
    before = old.versions[old.current].served if old.current in old.versions else None
    after = loaded[newest].served if newest in loaded else None
    if before is None or after is None or after in old.served():
        return {number: words for number, words in old.changed.items() if number in loaded}
    words = changed_outputs(before, after)
    return {newest: words} if words else {}


def _trial(old: LoadedModel, serving: Servable, newest: Servable | None, begin: Begin) -> RunningRollout | None:
    going = old.rollout
    if going is not None and going.current is serving and going.candidate is newest:
        return going
    return None if newest is None else begin(serving, newest)
