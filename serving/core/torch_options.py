"""What a config says about PyTorch: `parameters` with Triton's names and meaning.

Source: Triton's pytorch_backend README. Rule: nothing here imports the runtime.
"""

from dataclasses import dataclass

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.model_parameters import switch, thread_count
from serving.errors import ModelLoadFailed


@dataclass(frozen=True, slots=True)
class TorchOptions:
    """Thread counts are 0 where the config leaves them open.

    `intra_op_threads` is a matter of the threads that run the model. `inter_op_threads` and `cudnn` are one setting
    for the whole process: PyTorch has no narrower one.
    """

    intra_op_threads: int
    inter_op_threads: int
    inference_mode: bool
    optimized_execution: bool
    weight_sharing: bool
    cache_cleaning: bool
    cudnn: bool


_EVERYWHERE = (
    "intra_op_thread_count",
    "INTRA_OP_THREAD_COUNT",
    "inter_op_thread_count",
    "INTER_OP_THREAD_COUNT",
    "INFERENCE_MODE",
    "DISABLE_OPTIMIZED_EXECUTION",
    "ENABLE_WEIGHT_SHARING",
)
_ON_GPUS = ("ENABLE_CACHE_CLEANING", "DISABLE_CUDNN")
PARAMETERS = (*_EVERYWHERE, *_ON_GPUS)


def torch_options(config: ModelConfig) -> TorchOptions:
    """Raises `ModelLoadFailed` that names the parameter, what it may be and what it is."""
    return TorchOptions(
        _threads(config, "intra_op_thread_count"),
        _threads(config, "inter_op_thread_count"),
        switch(config, "INFERENCE_MODE", True),
        not switch(config, "DISABLE_OPTIMIZED_EXECUTION", False),
        switch(config, "ENABLE_WEIGHT_SHARING", True),
        switch(config, "ENABLE_CACHE_CLEANING", False),
        not switch(config, "DISABLE_CUDNN", False),
    )


def torch_fields(config: ModelConfig) -> set[str]:
    """The paths of the fields that `torch_options` acts on; those for GPUs only where the config may use one."""
    may_use_gpus = any(group.kind in (group.KIND_GPU, group.KIND_MODEL) for group in config.instance_group)
    return {f"parameters.{name}" for name in (*_EVERYWHERE, *(_ON_GPUS if may_use_gpus else ()))}


def _threads(config: ModelConfig, name: str) -> int:
    """Triton's name for it, or the one that ONNX models have."""
    tritons = name.upper()
    counts = {thread_count(config, each) for each in (tritons, name) if each in config.parameters}
    if len(counts) > 1:
        raise ModelLoadFailed(f"parameters.{tritons} and parameters.{name} are the same setting and differ")
    return counts.pop() if counts else 0
