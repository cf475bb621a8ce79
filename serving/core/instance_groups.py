"""`instance_group`: how many instances a model has, and where each one runs.

Source: Triton's core/src/model_config_utils.cc. Rule: a group gets what it asks for, or is refused by its name.
"""

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelInstanceGroup

from serving.errors import ModelLoadFailed

MAX_INSTANCES = 256

ITSELF = "model"
"""The device of KIND_MODEL: the model's own code decides."""

_PLACE_THEMSELVES = ("pytorch", "python")


def complete_groups(config: ModelConfig) -> None:
    """Fill in the defaults: one instance on the CPU, and GPU 0 for a KIND_GPU that names none.

    KIND_AUTO is the CPU, or the GPUs that it names. Raises `ModelLoadFailed`.
    """
    if not config.instance_group:
        config.instance_group.add(kind="KIND_CPU", count=1)
    for number, group in enumerate(config.instance_group):
        group.name = group.name or f"{config.name}_{number}"
        group.count = group.count or 1
        if group.kind == group.KIND_AUTO:
            group.kind = group.KIND_GPU if group.gpus else group.KIND_CPU
        if group.kind == group.KIND_GPU and not group.gpus:
            group.gpus.append(0)
        _check_kind(config, group)
        if not 1 <= group.count <= MAX_INSTANCES:
            raise ModelLoadFailed(f"instance_group count must be in range [1, {MAX_INSTANCES}], got {group.count}")
    if sum(group.count * max(1, len(group.gpus)) for group in config.instance_group) > MAX_INSTANCES:
        raise ModelLoadFailed(f"instance_group counts must be at most {MAX_INSTANCES} together")


def devices(config: ModelConfig) -> list[str]:
    """One entry per instance of a completed config: `"cpu"`, `"cuda:0"`, `"cuda:1"`, ... or `ITSELF`."""
    return [device for group in config.instance_group for device in _devices(group) for _ in range(group.count)]


def no_gpus(config: ModelConfig, why: str) -> ModelLoadFailed:
    """The error of a config with a KIND_GPU where it can't be had; `why` says what to do about it."""
    group = next((group.name for group in config.instance_group if group.kind == group.KIND_GPU), "")
    return ModelLoadFailed(
        f"instance group {group} of model {config.name} has kind KIND_GPU but no GPUs are available: {why}"
    )


def check_gpu(device: str, count: int) -> None:
    """Whether `cuda:N` is one of so many. Raises `ModelLoadFailed`."""
    gpu = int(device.removeprefix("cuda:"))
    if gpu >= count:
        known = ", ".join(map(str, range(count)))
        raise ModelLoadFailed(f"instance_group specifies invalid or unsupported gpu id {gpu}. GPUs are: {known}")


def _devices(group: ModelInstanceGroup) -> list[str]:
    if group.kind == group.KIND_GPU:
        return [f"cuda:{gpu}" for gpu in group.gpus]
    return [ITSELF if group.kind == group.KIND_MODEL else "cpu"]


def _check_kind(config: ModelConfig, group: ModelInstanceGroup) -> None:
    kind = ModelInstanceGroup.Kind.Name(group.kind)
    what = f"instance group {group.name} of model {config.name} has kind {kind}"
    if group.kind in (group.KIND_CPU, group.KIND_MODEL) and group.gpus:
        raise ModelLoadFailed(f"{what} but specifies one or more GPUs")
    for gpu in group.gpus:
        if gpu < 0:
            raise ModelLoadFailed(f"{what} and specifies invalid or unsupported gpu id {gpu}")
    if group.kind == group.KIND_MODEL and config.backend not in _PLACE_THEMSELVES:
        raise ModelLoadFailed(f"{what}, but {config.backend} models do not place themselves; use KIND_CPU or KIND_GPU")
