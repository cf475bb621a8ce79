"""What a key may be good for, and Triton's names for parts of the API. Rule: words only."""

from enum import StrEnum


class Scope(StrEnum):
    INFERENCE = "inference"
    METADATA = "metadata"
    ADMIN = "admin"
    """Whatever changes the server."""


USUAL = frozenset([Scope.INFERENCE, Scope.METADATA])
"""Of a key that says nothing of its scopes, and of callers where there are no keys."""


class Category(StrEnum):
    """Triton's, which `--http-restricted-api` and `--grpc-restricted-protocol` name."""

    HEALTH = "health"
    METADATA = "metadata"
    INFERENCE = "inference"
    SHARED_MEMORY = "shared-memory"
    MODEL_CONFIG = "model-config"
    MODEL_REPOSITORY = "model-repository"
    STATISTICS = "statistics"
    TRACE = "trace"
    LOGGING = "logging"
