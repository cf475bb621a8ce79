"""The parameter `nan_check`: whether a model's answers are looked through for what is no number.

Rule: off unless a config asks for it, since each answer is read once more.
"""

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.ensemble import is_ensemble
from serving.core.model_parameters import switch
from serving.errors import ModelLoadFailed

PARAMETER = "nan_check"
FIELD = f"parameters.{PARAMETER}"


def checks_outputs(config: ModelConfig) -> bool:
    """Raises `ModelLoadFailed`."""
    is_on = switch(config, PARAMETER, False)
    if is_on and is_ensemble(config):
        raise ModelLoadFailed(f"{FIELD} is not for ensembles; put it into the configs of the models that are its steps")
    if is_on and config.model_transaction_policy.decoupled:
        raise ModelLoadFailed(
            f"{FIELD} is not for decoupled models, whose first responses are gone before the last is there; "
            "leave it out, and check in the model"
        )
    return is_on
