"""A new version beside the one that serves: requests to either, answers compared, and in the end a verdict.

Rule: no caller is worse off for a rollout. What the candidate fails at is answered by the current version, and what is
only compared waits for nobody and is left out when the server is busy.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from serving.core.requests import Arrays, InferRequest, InferResponse
from serving.core.rollout_policy import RolloutPolicy, rollout_policy
from serving.core.timeline import Timeline
from serving.engine.servable import Servable
from serving.errors import BackendFailed, InvalidInput, ModelNotReady, SlipwayError
from serving.scheduling.agreement import differing_rows
from serving.scheduling.rollout import Arm, Rollout, Route, Verdict

log = logging.getLogger("slipway")

_MOST_COMPARED_AT_ONCE = 16
_LARGEST_COMPARED = 4 * 2**20  # bytes of a request and its answer; they are copied, on the event loop

_PATIENCE = 1.0  # seconds that a candidate always has for a request
_FAR_TOO_SLOW = 10.0
"""So many times what the policy allows, beside that, and it is as if it had failed."""


@dataclass(frozen=True, slots=True)
class RolloutRequests:
    count: int
    failed: int
    error_ratio: float
    typical_seconds: float


@dataclass(frozen=True, slots=True)
class RolloutProgress:
    """How a rollout stands. `latency_ratio` is candidate to current; `disagreement` is of the `compared` rows;
    `requests_needed` are those that the candidate has still to be given, `seconds` what it took so far."""

    current: str
    candidate: str
    policy: RolloutPolicy
    current_requests: RolloutRequests
    candidate_requests: RolloutRequests
    latency_ratio: float
    compared: int
    disagreement: float
    requests_needed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class SettledRollout:
    """How one ended."""

    promoted: bool
    reason: str
    progress: RolloutProgress


Settle = Callable[["RunningRollout", Verdict], object]
"""Called once, on the event loop; returns at once."""


class RunningRollout:
    """`infer` belongs to the event loop's thread."""

    def __init__(
        self,
        rollout: Rollout,
        current: Servable,
        candidate: Servable,
        settle: Settle,
    ) -> None:
        self.rollout = rollout
        self.current = current
        self.candidate = candidate
        self._settle = settle
        self._settled = False
        self._began = time.monotonic()
        self._comparing: set[asyncio.Task[None]] = set()

    def __repr__(self) -> str:
        return f"<RunningRollout {self.current.name}: {self.current.version} -> {self.candidate.version}>"

    def progress(self) -> RolloutProgress:
        rollout = self.rollout
        return RolloutProgress(
            self.current.version,
            self.candidate.version,
            self.policy,
            _requests(rollout.current),
            _requests(rollout.candidate),
            rollout.latency_ratio,
            rollout.compared,
            rollout.disagreement,
            max(0, self.policy.min_requests - rollout.candidate.requests),
            time.monotonic() - self._began,
        )

    @property
    def policy(self) -> RolloutPolicy:
        return self.rollout.policy

    async def infer(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """Raises what `Servable.infer` of the current version does."""
        route = Route.CURRENT if self._settled else self.rollout.route()
        if route is Route.CANDIDATE:
            started = time.monotonic()
            try:
                response = await self._try_candidate(request, timeline)
            except SlipwayError as error:
                return await self._timed(self.current, _left(request, time.monotonic() - started, error), timeline)
            self._compare_later(self.current, request, response)
            return response
        response = await self._timed(self.current, request, timeline)
        if route is Route.BOTH:
            self._compare_later(self.candidate, request, response)
        return response

    async def _try_candidate(self, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        """One that hangs has failed too, and is not waited for."""
        patience = _PATIENCE + _FAR_TOO_SLOW * self.policy.max_latency_ratio * self.rollout.current.typical_seconds
        answer = asyncio.ensure_future(self._timed(self.candidate, request, timeline))
        try:
            return await asyncio.wait_for(answer, patience)
        except TimeoutError:
            self._note(self.candidate, patience, failed=True)
            raise BackendFailed(f"version {self.candidate.version} did not answer within {patience:.1f} s") from None

    async def _timed(self, model: Servable, request: InferRequest, timeline: Timeline | None = None) -> InferResponse:
        started = time.monotonic()
        try:
            response = await model.infer(request, timeline)
        except (InvalidInput, ModelNotReady):  # the caller's fault, or nobody's
            raise
        except SlipwayError:
            self._note(model, time.monotonic() - started, failed=True)
            raise
        self._note(model, time.monotonic() - started, failed=False)
        return response

    def _note(self, model: Servable, seconds: float, failed: bool) -> None:
        arm = self.rollout.candidate if model is self.candidate else self.rollout.current
        arm.add(seconds, failed)
        self._look_at_the_verdict()

    def _look_at_the_verdict(self) -> None:
        if self._settled:
            return
        verdict = self.rollout.verdict()
        if verdict is not None:
            self._settled = True
            self._settle(self, verdict)

    def _compare_later(self, model: Servable, request: InferRequest, response: InferResponse) -> None:
        size = sum(array.nbytes for array in (*request.inputs.values(), *response.outputs.values()))
        if len(self._comparing) >= _MOST_COMPARED_AT_ONCE or model.pending or size > _LARGEST_COMPARED:
            return
        task = asyncio.create_task(self._compare(model, _own(request), response.outputs))
        self._comparing.add(task)
        task.add_done_callback(self._comparing.discard)

    async def _compare(self, model: Servable, request: InferRequest, answered: Arrays) -> None:
        try:
            other = await (self._try_candidate(request) if model is self.candidate else model.infer(request))
        except SlipwayError:
            return
        batched = model.max_batch_size > 0
        rows = len(next(iter(answered.values()))) if batched and answered else 1
        pair = (other.outputs, answered) if model is self.candidate else (answered, other.outputs)
        differed = await asyncio.to_thread(differing_rows, *pair, self.current.labels, self.policy.tolerance, batched)
        self.rollout.compare(rows, differed)
        self._look_at_the_verdict()


def begin_rollout(current: Servable, candidate: Servable, settle: Settle) -> RunningRollout | None:
    """As the candidate's config says; None where it says nothing, and the candidate takes over at once."""
    policy = rollout_policy(candidate.config)
    if policy is None:
        return None
    log.info(
        "%s version %s begins as a %s beside version %s: %g%% of the requests that name no version",
        *(current.name, candidate.version, policy.strategy, current.version, policy.percent),
    )
    return RunningRollout(Rollout(policy), current, candidate, settle)


def _requests(arm: Arm) -> RolloutRequests:
    return RolloutRequests(arm.requests, arm.failures, arm.error_rate, arm.typical_seconds)


def _left(request: InferRequest, seconds: float, error: SlipwayError) -> InferRequest:
    """With the time that is left of its own timeout. Raises `error` where none is."""
    if not request.timeout:
        return request
    if request.timeout <= seconds:
        raise error
    return replace(request, timeout=request.timeout - seconds)


def _own(request: InferRequest) -> InferRequest:
    """Its inputs copied, since their memory may be the caller's, who takes it back with the answer."""
    inputs = {name: array.copy() for name, array in request.inputs.items()}
    return InferRequest(
        request.model_name,
        inputs,
        output_names=request.output_names,
        priority=request.priority,
        parameters=request.parameters,
    )
