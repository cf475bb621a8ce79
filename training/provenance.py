"""What a checkpoint and a manifest say of their making: when, and with which libraries."""

import platform
from datetime import UTC, datetime
from importlib import import_module


def utc_now() -> str:
    """ISO 8601 to the second, such as `2025-11-24T06:39:05Z`."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def library_versions(*modules: str) -> dict[str, str]:
    """Python's own version, then those of the named modules, which must be installed."""
    return {"python": platform.python_version()} | {name: import_module(name).__version__ for name in modules}
