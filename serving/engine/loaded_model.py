"""One model as it is loaded: its versions, which of them answers, and what could not be loaded lately.

Rule: never changed, only replaced by another, so that whoever reads it sees one state and not half of the next.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from serving.core.remembered import Remembered, RolledBack
from serving.core.repository_files import Files
from serving.core.rollout_policy import Strategy
from serving.core.states import ModelState, VersionStatus
from serving.engine.published import NOTHING_PUBLISHED, Published
from serving.engine.running_rollout import RunningRollout
from serving.engine.servable import Servable
from serving.errors import ModelNotReady, ReportNotFound, VersionNotFound
from serving.scheduling.tuning import Tuning

UNLOADED = "unloaded"  # Triton's word, which its clients' tests look for


@dataclass(frozen=True, slots=True)
class Version:
    """`served` while the state is READY, `reason` while it is UNAVAILABLE; `files` are those of the version that it was
    loaded from, `shared` those of all versions, such as config.pbtxt; `tuning` is what chose its instances, if
    something did; `published` is what people are told of it."""

    state: ModelState
    served: Servable | None = None
    reason: str = ""
    files: Files = field(default_factory=dict)
    shared: Files = field(default_factory=dict)
    tuning: Tuning | None = None
    published: Published = NOTHING_PUBLISHED


@dataclass(frozen=True, slots=True)
class LoadedModel:
    """`versions` are lowest first; a model of which nothing else is known has one named "".

    `current` answers requests that name no version. `failed` says of versions, "" for all of them, why the last try
    to load them anew came to nothing; `rolled_back` are versions that were worse than the one before. `tried` are the
    model's files as they were at the last try. `changed` says how the outputs of the version that took over last, or
    is on trial, differ from those of the one before.
    """

    versions: Mapping[str, Version]
    current: str = ""
    failed: Mapping[str, str] = field(default_factory=dict)
    rolled_back: Mapping[str, RolledBack] = field(default_factory=dict)
    tried: Files = field(default_factory=dict)
    rollout: RunningRollout | None = None
    changed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def loading(cls) -> "LoadedModel":
        return cls({"": Version(ModelState.LOADING)})

    @property
    def has_ready(self) -> bool:
        return any(version.served is not None for version in self.versions.values())

    @property
    def answers(self) -> bool:
        return any(not version.lacks for version in self.served())

    @property
    def is_loading(self) -> bool:
        return any(version.state is ModelState.LOADING for version in self.versions.values())

    @property
    def was_unloaded(self) -> bool:
        return all(version.reason == UNLOADED for version in self.versions.values())

    @property
    def absent(self) -> dict[str, str]:
        """Why versions that could be here are not."""
        reasons = {number: f"rolled back: {it.reason}" for number, it in self.rolled_back.items()} | dict(self.failed)
        return {number: reason for number, reason in reasons.items() if number and number not in self.versions}

    @property
    def tuning(self) -> Tuning | None:
        """Of the version that answers."""
        current = self.versions.get(self.current)
        return None if current is None else current.tuning

    @property
    def remembered(self) -> Remembered:
        """What of it outlives a restart."""
        return Remembered(self.current, self.versions[self.current].files, self.rolled_back)

    def served(self) -> Iterator[Servable]:
        yield from (version.served for version in self.versions.values() if version.served is not None)

    def find(self, name: str, number: str) -> Servable:
        """Raises `VersionNotFound`, `ModelNotReady`, in Triton's words (core/src/model_repository_manager.cc), which
        its clients' tests look for."""
        entry = self.versions.get(number or self.current)
        if entry is not None and entry.served is not None:
            return entry.served
        if self.is_loading:
            raise ModelNotReady(f"Request for unknown model: '{name}' is not at ready state, it is loading")
        if not number:
            raise VersionNotFound(f"Request for unknown model: '{name}' has no available versions{self._why()}")
        if entry is None:
            why = f": {self.absent[number]}" if number in self.absent else ""
            raise VersionNotFound(f"Request for unknown model: '{name}' version {number} is not found{why}")
        raise ModelNotReady(
            f"Request for unknown model: '{name}' version {number} is not at ready state: "
            f"{entry.reason or entry.state.value}"
        )

    def published(self, name: str, number: str) -> Published:
        """What came with a version that is ready. Raises what `find` does."""
        return self.versions[self.find(name, number).version].published

    def report(self, name: str, number: str) -> bytes:
        """The page about a version that is ready. Raises what `find` does, and `ReportNotFound`."""
        page = self.published(name, number).report
        if not page:
            raise ReportNotFound(
                f"version {number or self.current} of model '{name}' has no report.html in its folder; `slipway train` "
                "publishes one with models that are one graph"
            )
        return page

    def statuses(self, name: str) -> Iterator[VersionStatus]:
        """Of every version that was loaded or tried."""
        for number, version in self.versions.items():
            lacks = version.served.lacks if version.served is not None else ""
            state = ModelState.UNAVAILABLE if lacks else version.state
            yield VersionStatus(name, number, state, lacks or version.reason or self._note(number))
        for number, reason in self.absent.items():
            yield VersionStatus(name, number, ModelState.UNAVAILABLE, reason)

    def traffic_percent(self, number: str) -> float:
        """Of the requests that name no version, how many this one answers."""
        rollout = self.rollout
        if rollout is not None and rollout.policy.strategy is Strategy.CANARY:
            shares = {rollout.current.version: 100 - rollout.policy.percent}
            shares[rollout.candidate.version] = rollout.policy.percent
            return shares.get(number, 0.0)
        return 100.0 if number and number == self.current else 0.0

    def unloading(self) -> "LoadedModel":
        gone = {number: Version(ModelState.UNLOADING) for number, version in self.versions.items() if version.served}
        return LoadedModel(gone)

    def unloaded(self) -> "LoadedModel":
        return LoadedModel({number: Version(ModelState.UNAVAILABLE, reason=UNLOADED) for number in self.versions})

    def with_failure(self, number: str, reason: str, tried: Files) -> "LoadedModel":
        return replace(self, failed={number: reason}, tried=tried)

    def _note(self, number: str) -> str:
        """Of a version that answers what its owner may not expect of it."""
        reason = self.failed.get(number) or self.failed.get("")
        if self.rollout is not None and number == self.rollout.candidate.version:
            policy = self.rollout.policy
            note = f"on trial: {policy.strategy} for {policy.percent:g}% of the requests"
        else:
            note = f"it goes on as it was loaded before: {reason}" if reason else ""
        return "; ".join(filter(None, [note, self.changed.get(number, "")]))

    def _why(self) -> str:
        reasons = [version.reason for version in self.versions.values() if version.reason]
        return f": {'; '.join(reasons)}" if reasons else ""


def newest_ready(versions: Mapping[str, Version]) -> str:
    """The highest number that is; "" where none is."""
    return next((number for number, version in reversed(list(versions.items())) if version.served is not None), "")


def sorted_versions(versions: Mapping[str, Version]) -> dict[str, Version]:
    return dict(sorted(versions.items(), key=lambda item: int(item[0] or 0)))
