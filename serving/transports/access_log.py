"""A line in the log for each request, or for as many of them as were asked for.

Rule: errors are always told; whatever a caller wrote is told without line breaks and not at any length.
"""

import logging
from collections.abc import Callable
from random import random
from typing import Any

from serving.core.visit import Visit

log = logging.getLogger("slipway.access")

_LONGEST_PATH = 200  # characters


class AccessLog:
    def __init__(self, rate: float, chance: Callable[[], float] = random) -> None:
        """`rate` is the share of requests that are told, 1 for all; `chance` is anything from 0 up to 1."""
        self._rate = rate
        self._chance = chance

    def chooses(self) -> bool:
        """Whether the next request is told, whatever becomes of it."""
        return self._chance() < self._rate

    def tell(self, visit: Visit) -> None:
        if not (visit.has_failed or visit.is_chosen or self.chooses()):
            return
        fields = _fields(visit)
        log.info(
            "%(method)s %(path)s %(status)s in %(duration_ms).3f ms, %(bytes)d bytes",
            fields,
            extra={"fields": fields, "visit": visit},
        )


def _fields(visit: Visit) -> dict[str, Any]:
    return {
        "method": _plain(visit.method),
        "path": _plain(visit.path),
        "model": _plain(visit.model),
        "version": visit.version,
        "status": visit.status,
        "duration_ms": round((visit.ended - visit.arrived) * 1000, 3),
        "bytes": visit.bytes_out,
        "bytes_in": visit.bytes_in,
        "protocol": "grpc" if visit.is_grpc else "http",
    }


def _plain(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text[:_LONGEST_PATH])
