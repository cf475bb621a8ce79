"""Models with a response cache, in front of whatever answers: what was asked before is not run again.

Rule: requests that come while an identical one runs wait for its answer; each keeps its own deadline, and none pays
for another's.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from math import inf

from serving.core.requests import NO_PARAMETERS, Arrays, InferRequest, InferResponse
from serving.core.timeline import Timeline
from serving.engine.response_cache import Key, ResponseCache
from serving.engine.served_model import ServedModel
from serving.engine.single_flight import Flight, SingleFlight
from serving.errors import Cancelled, DeadlineExceeded, ModelNotReady, Overloaded, SlipwayError
from serving.scheduling.request_digest import bytes_to_read

IsServed = Callable[[ServedModel], bool]
"""Whether this very version answers requests for its name. May be called from any thread."""

LARGE = 256 * 1024
"""Bytes that are read one by one; so many leave the event loop's thread."""

_COPYING = 16  # how many bytes are copied in the time that one is read, at least
_NO_TIME = 1e-6  # seconds; a timeout of 0 would be none


@dataclass(frozen=True, slots=True)
class _Asked:
    """A request that was not found in the cache; `arrived` and `deadline` in seconds of the monotonic clock."""

    model: ServedModel
    request: InferRequest
    key: Key
    arrived: float
    lookup: float  # seconds

    @property
    def deadline(self) -> float:
        return self.arrived + self.model.rejects_after(self.request)

    def seconds(self) -> float:
        """Since it arrived."""
        return time.monotonic() - self.arrived

    def seconds_left(self) -> float | None:
        """None for any number."""
        return None if self.deadline == inf else max(self.deadline - time.monotonic(), _NO_TIME)

    def left(self) -> InferRequest:
        """What is left to ask now, with the time that is left."""
        seconds = self.seconds_left()
        return self.request if seconds is None else replace(self.request, timeout=seconds)

    def response(self, outputs: Arrays) -> InferResponse:
        return _response(self.model, self.request, outputs)

    def count_failure(self, error: Exception) -> None:
        self.model.statistics.record_failure(error, self.seconds())


class CachedAnswers:
    """Belongs to the event loop's thread."""

    def __init__(self, cache: ResponseCache, is_served: IsServed) -> None:
        self._cache = cache
        self._is_served = is_served
        self._flights: SingleFlight[Arrays] = SingleFlight()

    async def infer(self, model: ServedModel, request: InferRequest, timeline: Timeline | None) -> InferResponse:
        """Raises what `ServedModel.infer` does. Cancelling it frees the request's place, unless others wait for it."""
        arrived = time.monotonic()
        model.check(request)
        key = await self._key(model, request)
        kept = self._cache.get(key)
        lookup = time.monotonic() - arrived
        if kept is not None:
            model.statistics.record_cache_hit(lookup, 0.0)
            return _response(model, request, kept)
        asked = _Asked(model, request, key, arrived, lookup)
        while (flight := self._flights.find(key)) is not None:
            try:
                return asked.response(await _follow(flight, asked))
            except _Expired:  # whoever came first had less time: the first that still waits is the next
                continue
            except Overloaded:
                return await model.infer(asked.left(), timeline)
        return asked.response(await self._lead(asked, timeline))

    async def _key(self, model: ServedModel, request: InferRequest) -> Key:
        parameters = request.parameters if model.reads_parameters else NO_PARAMETERS
        work = partial(self._cache.key, model.identity, request.inputs, parameters)
        return work() if bytes_to_read(request.inputs) < LARGE else await asyncio.to_thread(work)

    async def _lead(self, asked: _Asked, timeline: Timeline | None) -> Arrays:
        flight = self._flights.start(asked.key, self._run(asked, timeline))
        await _end(flight, asked, None)  # its deadline is the queue's business
        flight.claim()
        return flight.result()

    async def _run(self, asked: _Asked, timeline: Timeline | None) -> Arrays:
        """Every output, whichever were asked for: others may want others."""
        request = asked.left()
        everything = replace(request, output_names=()) if request.output_names else request
        response = await asked.model.infer(everything, timeline)
        ran = time.monotonic()
        keep = partial(self._keep, asked.model, asked.key, response.outputs)
        is_large = bytes_to_read(response.outputs) >= LARGE * _COPYING
        outputs = await asyncio.to_thread(keep) if is_large else keep()
        asked.model.statistics.record_cache_miss(asked.lookup + time.monotonic() - ran)
        return outputs

    def _keep(self, model: ServedModel, key: Key, outputs: Arrays) -> Arrays:
        shared = self._cache.put(key, outputs)
        if not self._is_served(model):  # looked at afterwards: what unloads is forgotten once it is not served any more
            self._cache.discard(key)
        return shared


class _Expired(Exception):
    """The run that was waited for was not begun within the time of the request that it was begun for."""


async def _follow(flight: Flight[Arrays], asked: _Asked) -> Arrays:
    """What another request's run returns or raises. Raises `_Expired`, and `DeadlineExceeded` for its own deadline."""
    if not await _end(flight, asked, asked.seconds_left()):
        expired = DeadlineExceeded("Request timeout expired")
        _count_leaving(flight, asked, expired)
        raise expired
    try:
        outputs = flight.result()
    except DeadlineExceeded:
        raise _Expired from None
    except (ModelNotReady, Overloaded):  # it is not over
        raise
    except SlipwayError as error:
        if not flight.claim():
            asked.count_failure(error)
        raise
    if not flight.claim():
        asked.model.statistics.record_cache_hit(asked.lookup, asked.seconds() - asked.lookup)
    return outputs


async def _end(flight: Flight[Arrays], asked: _Asked, timeout: float | None) -> bool:
    try:
        return await flight.ends(timeout)
    except asyncio.CancelledError:
        _count_leaving(flight, asked, Cancelled())
        raise


def _count_leaving(flight: Flight[Arrays], asked: _Asked, error: Exception) -> None:
    """A run is counted once, for one of those that wait for it. Where nobody is left, it is cancelled and counted."""
    if flight.is_awaited:
        asked.count_failure(error)


def _response(model: ServedModel, request: InferRequest, outputs: Arrays) -> InferResponse:
    wanted = request.output_names or outputs
    chosen = {name: outputs[name] for name in wanted if name in outputs}
    return InferResponse(model.name, model.version, chosen, request.id, labels=model.labels)
