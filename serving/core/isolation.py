"""The parameter `isolation`: whether each instance of a model runs in a process of its own.

Rule: a value that is not known is refused by name; it never means "no".
"""

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.model_parameters import text
from serving.errors import ModelLoadFailed

PARAMETER = "isolation"
FIELD = f"parameters.{PARAMETER}"
_PROCESS = "process"


def is_isolated(config: ModelConfig) -> bool:
    """Raises `ModelLoadFailed`."""
    given = text(config, PARAMETER)
    if given not in (None, _PROCESS):
        raise ModelLoadFailed(
            f"{FIELD} must be '{_PROCESS}' (each instance in a process of its own), got '{given[:50]}'; "
            "leave it out for a model in the server's process"
        )
    return given is not None
