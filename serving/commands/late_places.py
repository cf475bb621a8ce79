"""Model folders that come a moment after the server, as where KServe runs an image that has the model beside it.

Rule: waits only where the environment says MODEL_INIT_MODE=async, which KServe sets then, and not for ever.
"""

import logging
import time
from collections.abc import Mapping
from pathlib import Path

log = logging.getLogger("slipway")

_LOOK_EVERY = 0.1  # seconds


def wait_for(places: tuple[Path | str, ...], environment: Mapping[str, str], patience: float = 120.0) -> None:
    """Until every folder is there, or for so many seconds. Blocks."""
    if environment.get("MODEL_INIT_MODE") != "async":
        return
    until = time.monotonic() + patience
    for place in places:
        if isinstance(place, Path) and not place.exists():
            log.info("waiting for %s, which MODEL_INIT_MODE=async announces", place)
        while isinstance(place, Path) and not place.exists() and time.monotonic() < until:
            time.sleep(_LOOK_EVERY)
