"""What a config says about tuning: what it fixes, what it leaves open, and how it looks once it is tuned.

Rule: what its owner wrote stays; only what is open is filled in.
"""

import hashlib

from tritonclient.grpc.model_config_pb2 import ModelConfig

from serving.core.batching_config import OBJECTIVE
from serving.core.instance_groups import devices
from serving.core.isolation import is_isolated
from serving.core.model_parameters import switch
from serving.core.onnx_options import onnx_options
from serving.core.torch_options import torch_options

AUTO_TUNE = "auto_tune"
PARAMETERS = (AUTO_TUNE, OBJECTIVE)

_THREADS = {"onnxruntime": "intra_op_thread_count", "pytorch": "INTRA_OP_THREAD_COUNT"}


def auto_tune(config: ModelConfig) -> bool:
    """Raises `ModelLoadFailed`, as all that reads parameters here does."""
    return switch(config, AUTO_TUNE, True)


def why_not(config: ModelConfig) -> str:
    """Why a completed config leaves nothing to measure here; "" where it does."""
    if config.backend not in _THREADS:
        return "only ONNX and TorchScript models are tuned"
    if any(device != "cpu" for device in devices(config)):
        return "only models on the CPU are tuned"
    if is_isolated(config):
        return "a model in processes of its own is not tuned"
    if config.HasField("sequence_batching"):
        return "a model with sequences is not tuned, since each one belongs to one instance"
    if config.optimization.execution_accelerators.cpu_execution_accelerator:
        return "an execution accelerator has threads of its own"
    if config.backend == "pytorch" and not torch_options(config).weight_sharing:
        return "instances that share no weights may keep state, and are not tuned"
    return ""


def fixed(written: ModelConfig, config: ModelConfig) -> tuple[int, int]:
    """Instances and threads of each, 0 where they are open; `written` is the config before it was completed."""
    return len(devices(config)) if written.instance_group else 0, _threads(config)


def with_setting(config: ModelConfig, instances: int, threads: int) -> ModelConfig:
    """A copy of a completed config with so many instances of so many threads."""
    tuned = ModelConfig()
    tuned.CopyFrom(config)
    if len(devices(config)) != instances:
        tuned.instance_group[0].count = instances
    if not _threads(config):
        name = _THREADS[config.backend]
        for given in [it for it in (name, name.lower()) if it in config.parameters] or [name]:
            tuned.parameters[given].string_value = str(threads)
    return tuned


def what_matters(config: ModelConfig) -> str:
    """A digest of what a config says that may change how fast the model is, but for instances and threads."""
    part = ModelConfig(
        backend=config.backend,
        default_model_filename=config.default_model_filename,
        input=config.input,
        model_warmup=config.model_warmup,
        optimization=config.optimization,
    )
    for name, value in config.parameters.items():
        if name not in (*PARAMETERS, *_THREADS.values()) and not name.startswith("rollout."):
            part.parameters[name].CopyFrom(value)
    return hashlib.sha256(part.SerializeToString(deterministic=True)).hexdigest()[:16]


def _threads(config: ModelConfig) -> int:
    options = onnx_options(config) if config.backend == "onnxruntime" else torch_options(config)
    return options.intra_op_threads
