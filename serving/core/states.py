"""Where a model version stands in its life."""

from dataclasses import dataclass
from enum import StrEnum


class ModelState(StrEnum):
    """Triton's names, as the repository index prints them."""

    UNKNOWN = "UNKNOWN"
    LOADING = "LOADING"
    READY = "READY"
    UNLOADING = "UNLOADING"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class VersionStatus:
    """One row of the repository index; `version` is "" for a model that has none to serve."""

    name: str
    version: str
    state: ModelState
    reason: str = ""
