"""Trace settings, for all models and for single ones, and which request is the next to be traced.

Rule: a model follows the global settings in whatever was not set for it; an update that makes any of them invalid
changes nothing. Belongs to the event loop's thread.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count

from serving.core.trace_settings import Changes, TraceSettings, updated

_GLOBAL = ""


class Sampler:
    """Counts requests under one `TraceSettings`; `ids` may be shared, so that no id is given twice."""

    def __init__(self, settings: TraceSettings, ids: Iterator[int]) -> None:
        self.settings = settings
        self.remaining = settings.count
        """How many more are traced; -1 for any number."""
        self._ids = ids
        self._seen = self._promised = 0

    def __repr__(self) -> str:
        return f"<Sampler of every {self.settings.rate}th, {self.remaining} remaining>"

    @property
    def is_on(self) -> bool:
        return "TIMESTAMPS" in self.settings.level

    def passes(self) -> bool:
        """One request: whether it is not traced. Else the next to `take` is in its place: those that come meanwhile, as
        many as there are connections, are not to make the same detour."""
        if not self._chooses():
            return True
        self._promised += 1
        return False

    def take(self) -> int | None:
        """One request: its trace's id, or None where it is not traced."""
        if self._promised:
            self._promised -= 1
            return next(self._ids)
        return next(self._ids) if self._chooses() else None

    def _chooses(self) -> bool:
        if self.remaining == 0 or self.settings.rate == 0 or not self.is_on:
            return False
        self._seen += 1
        if self._seen % self.settings.rate:
            return False
        if self.remaining > 0:
            self.remaining -= 1
        return True


class TraceRegistry:
    """`default` is what the server was started with, and what clearing a global setting goes back to."""

    def __init__(self, default: TraceSettings) -> None:
        self._default = default
        self._ids = count(1)
        self._changes: dict[str, Changes] = {}
        self._samplers = {_GLOBAL: Sampler(default, self._ids)}

    def __repr__(self) -> str:
        return f"<TraceRegistry {len(self._samplers) - 1} models with their own settings>"

    def settings(self, model: str = _GLOBAL) -> TraceSettings:
        """With the count that remains; "" for the global ones."""
        sampler = self._sampler(model)
        return replace(sampler.settings, count=sampler.remaining)

    def update(self, changes: Changes, model: str = _GLOBAL) -> None:
        """`changes` as in `trace_settings.updated`. Raises `InvalidInput`, `Unsupported`."""
        changed = {**self._changes, model: {**self._changes.get(model, {}), **changes}}
        globally = updated(self._default, changed.get(_GLOBAL, {}), self._default)
        settings = {name: updated(globally, own, globally) for name, own in changed.items() if name != _GLOBAL}
        self._changes = {name: kept for name, own in changed.items() if (kept := _not_cleared(own))}
        self._samplers = {
            name: self._successor(
                name, settings.get(name, globally), "trace_count" in changes and self._counts(name, model)
            )
            for name in {_GLOBAL, *self._changes}
        }

    def is_on(self, model: str) -> bool:
        """Whether a caller may have a request to `model` traced."""
        return self._sampler(model).is_on

    def passes(self, model: str) -> bool:
        """As `Sampler.passes`."""
        return self._sampler(model).passes()

    def take(self, model: str) -> int | None:
        """A request to `model`: its trace's id, or None where it is not traced."""
        return self._sampler(model).take()

    def _sampler(self, model: str) -> Sampler:
        return self._samplers.get(model) or self._samplers[_GLOBAL]

    def _counts(self, name: str, changed: str) -> bool:
        """Whether a new count of `changed` is one for `name`."""
        return name == changed or (changed == _GLOBAL and "trace_count" not in self._changes[name])

    def _successor(self, name: str, settings: TraceSettings, is_counted_anew: bool) -> Sampler:
        sampler, earlier = Sampler(settings, self._ids), self._sampler(name)
        if not is_counted_anew and settings.count == earlier.settings.count:
            sampler.remaining = earlier.remaining
        return sampler


def _not_cleared(changes: Changes) -> Changes:
    return {name: values for name, values in changes.items() if values}
