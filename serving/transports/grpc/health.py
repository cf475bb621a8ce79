"""gRPC's own health service, which load balancers and Kubernetes ask.

Source: grpc/health/v1/health.proto. Rule: whoever watches is told of each change, and let go when the server stops
(`grpcio-health-checking` has a service of its own, whose watchers keep a server from stopping).
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from serving.errors import Cancelled

_LOOK = 1.0  # seconds between looks, for those who watch, at what nobody tells of

SERVICES = ("", "inference.GRPCInferenceService")


class Health:
    """Belongs to the event loop's thread. The methods in capitals are the service's."""

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        """`is_ready` says whether the models are, while the server takes requests; it may change at any time."""
        self._is_ready = is_ready
        self._is_serving = False
        self._is_exiting = False
        self._changed = asyncio.Event()

    def set_serving(self, is_serving: bool) -> None:
        self._is_serving = is_serving
        self._notify()

    def let_go(self) -> None:
        """Of those who watch, when they were told the last change."""
        self._is_exiting = True
        self._notify()

    async def Check(self, message: HealthCheckRequest, context: Any) -> HealthCheckResponse:  # noqa: N802
        if message.service not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, f"there is no service '{message.service[:100]}'")
        return self._status(message)

    async def Watch(self, message: HealthCheckRequest, context: Any) -> None:  # noqa: N802
        with suppress(Cancelled):  # its caller went away
            await self._watch(message, context)

    async def _watch(self, message: HealthCheckRequest, context: Any) -> None:
        told: HealthCheckResponse | None = None
        while True:
            changed, is_last, status = self._changed, self._is_exiting, self._status(message)
            if status != told:
                await context.write(status)
                told = status
            if is_last:
                return
            with suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), _LOOK)

    def _status(self, message: HealthCheckRequest) -> HealthCheckResponse:
        if message.service not in SERVICES:
            return HealthCheckResponse(status=HealthCheckResponse.SERVICE_UNKNOWN)
        is_serving = self._is_serving and self._is_ready()
        return HealthCheckResponse(
            status=HealthCheckResponse.SERVING if is_serving else HealthCheckResponse.NOT_SERVING
        )

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
