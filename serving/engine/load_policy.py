"""What a server asks of every version that it loads. Rule: values only."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadPolicy:
    """What is asked of a version before it serves, and whether the server has what it may ask for."""

    require_manifest: bool = False
    has_response_cache: bool = False
    shares_threads: bool = False


DEFAULT_POLICY = LoadPolicy()
