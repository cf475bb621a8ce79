"""The parameters `isolation` and `isolation.*`: whether each instance of a model runs in a process of its own, and what
that has.

Rule: a name or a value that is not known is refused by name; it never means "no".
"""

import re
from dataclasses import dataclass

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.model_parameters import text, whole_number
from serving.errors import ModelLoadFailed

PARAMETER = "isolation"
FIELD = f"parameters.{PARAMETER}"
_MEMORY, _ENVIRONMENT = f"{PARAMETER}.memory_byte_size", f"{PARAMETER}.environment"
PARAMETERS = (PARAMETER, _MEMORY, _ENVIRONMENT)
_PROCESS = "process"
_MOST_MEMORY = 2**62
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\*?|\*")


@dataclass(frozen=True, slots=True)
class Isolation:
    """What the process has: so much memory, in bytes, or what the server may have; and beside what every program needs
    these variables of the server's environment. One that ends with `*` stands for all that begin so."""

    memory_byte_size: int | None = None
    environment: tuple[str, ...] = ()


def is_isolated(config: ModelConfig) -> bool:
    """Raises `ModelLoadFailed`."""
    given = text(config, PARAMETER)
    if given not in (None, _PROCESS):
        raise ModelLoadFailed(
            f"{FIELD} must be '{_PROCESS}' (each instance in a process of its own), got '{given[:50]}'; "
            "leave it out for a model in the server's process"
        )
    return given is not None


def isolation(config: ModelConfig) -> Isolation:
    """Of a model that is isolated. Raises `ModelLoadFailed`."""
    is_apart = is_isolated(config)
    names = sorted(name for name in config.parameters if name.startswith(f"{PARAMETER}."))
    for name in names:
        if name not in PARAMETERS:
            raise ModelLoadFailed(f"parameters.{name[:100]} is not known; there are {', '.join(PARAMETERS)}")
    if names and not is_apart:
        raise ModelLoadFailed(f"parameters.{names[0]} needs {FIELD} '{_PROCESS}'")
    memory = whole_number(config, _MEMORY, _MOST_MEMORY, "a number of bytes", least=1)
    return Isolation(memory, tuple(map(_variable, (text(config, _ENVIRONMENT) or "").split())))


def _variable(name: str) -> str:
    if not _VARIABLE.fullmatch(name):
        raise ModelLoadFailed(
            f"parameters.{_ENVIRONMENT} must be names of variables with spaces between them, such as 'HF_TOKEN S3_*', "
            f"got '{name[:50]}'"
        )
    return name
