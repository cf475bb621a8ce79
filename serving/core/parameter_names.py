"""The names that config.pbtxt's `parameters` may have, and which of them a misspelt one stands for.

Rule: parameters may have any name, as in Triton, so that this is advice and never an error.
"""

from serving.core import isolation, nan_check, onnx_options, rollout_policy, torch_options, tuning_config
from serving.core.did_you_mean import nearest
from serving.core.model_config import ModelConfig

_FIELD = "parameters."
_OF_BACKENDS = {"onnxruntime": onnx_options.PARAMETERS, "pytorch": torch_options.PARAMETERS}
_SIMILAR = 0.7  # what an owner notes down for programs of their own should be left alone


def advice(config: ModelConfig, field: str) -> str:
    """What a warning about a `field` without effect, such as `parameters.execution_mod`, ends with; "" for nothing."""
    if not field.startswith(_FIELD):
        return ""
    given = field.removeprefix(_FIELD)
    everywhere = (*rollout_policy.PARAMETERS, *tuning_config.PARAMETERS, *isolation.PARAMETERS, nan_check.PARAMETER)
    known = {name: name for name in (*_OF_BACKENDS.get(config.backend, ()), *everywhere)}
    if given in known:  # it has no effect for another reason
        return ""
    known |= {name.removeprefix(rollout_policy.PREFIX): name for name in rollout_policy.PARAMETERS}
    found = nearest(given, known, _SIMILAR)
    return f"; did you mean parameters.{known[found]}?" if found else ""
