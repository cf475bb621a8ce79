"""What a config says about ONNX Runtime: `parameters` and `optimization`, with Triton's names and meaning.

Source: Triton's onnxruntime_backend README. Rule: the runtime's own words appear here only as the values that it is
given; nothing here imports it.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from tritonclient.grpc.model_config_pb2 import ModelConfig, ModelOptimizationPolicy

from serving.core.model_parameters import choice, switch, text, thread_count, whole_number
from serving.errors import ModelLoadFailed


class GraphLevel(Enum):
    """How far the graph is rewritten; the values are `optimization.graph.level`."""

    ALL = 0
    BASIC = -1
    EXTENDED = 1
    DISABLE_ALL = 2


@dataclass(frozen=True, slots=True)
class Accelerator:
    """An execution provider that a config asks for: its name in the config, its name there, and its options."""

    name: str
    provider: str
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OnnxOptions:
    """Thread counts are 0 where the config leaves them open; `arena_shrinkage` is "" or such as `cpu:0`."""

    intra_op_threads: int
    inter_op_threads: int
    is_parallel: bool
    graph_level: GraphLevel
    mem_arena: bool
    mem_pattern: bool
    arena_shrinkage: str
    cpu_accelerators: tuple[Accelerator, ...]
    gpu_accelerators: tuple[Accelerator, ...]
    cuda: Mapping[str, str]


_PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "dnnl": "DnnlExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
}
_EXECUTION_MODES = {"0": "sequential", "1": "parallel"}
_CUDA_CHOICES: Mapping[str, Mapping[str, str]] = {
    "cudnn_conv_algo_search": {"0": "EXHAUSTIVE", "1": "HEURISTIC", "2": "DEFAULT"},
    "arena_extend_strategy": {"0": "kNextPowerOfTwo", "1": "kSameAsRequested"},
    "do_copy_in_default_stream": {"0": "0", "1": "1"},
}
# Otherwise it tries all algorithms, for tens of milliseconds, whenever a batch is not as large as the one before.
_CUDA_DEFAULTS = {"cudnn_conv_algo_search": "HEURISTIC"}
_MOST_BYTES = 2**64 - 1
_SHRINKAGE = "memory.enable_memory_arena_shrinkage"
_EVERYWHERE = (
    "intra_op_thread_count",
    "inter_op_thread_count",
    "execution_mode",
    "enable_mem_arena",
    "enable_mem_pattern",
    _SHRINKAGE,
)
_ON_GPUS = (*_CUDA_CHOICES, "gpu_mem_limit")
PARAMETERS = (*_EVERYWHERE, *_ON_GPUS)
# Triton's names of TensorRT's options, where they differ from the runtime's.
_TENSORRT = {
    "max_workspace_size_bytes": "trt_max_workspace_size",
    "int8_calibration_table_name": "trt_int8_calibration_table_name",
    "int8_use_native_calibration_table": "trt_int8_use_native_calibration_table",
}
_PRECISIONS: Mapping[str, Mapping[str, str]] = {
    "FP32": {},
    "FP16": {"trt_fp16_enable": "1"},
    "INT8": {"trt_int8_enable": "1"},
}
# Addresses in the server's memory, and libraries that it would load: programs, whatever the kind of model.
_PROGRAMS = (
    *("gpu_external_alloc", "gpu_external_free", "gpu_external_empty_cache"),
    *("user_compute_stream", "has_user_compute_stream", "trt_extra_plugin_lib_paths"),
    *("trt_onnx_bytestream", "trt_onnx_bytestream_size"),
    *("trt_external_data_bytestream", "trt_external_data_bytestream_size"),
)
_FILES = (
    *("trt_engine_cache_path", "trt_engine_cache_prefix", "trt_timing_cache_path", "trt_ep_context_file_path"),
    *("trt_onnx_model_folder_path", "int8_calibration_table_name", "trt_int8_calibration_table_name"),
    *("cache_dir", "load_config"),
)


def onnx_options(config: ModelConfig) -> OnnxOptions:
    """Raises `ModelLoadFailed` that names the parameter, what it may be and what it is."""
    accelerators = config.optimization.execution_accelerators
    options = OnnxOptions(
        thread_count(config, "intra_op_thread_count"),
        thread_count(config, "inter_op_thread_count"),
        choice(config, "execution_mode", _EXECUTION_MODES) == "parallel",
        _graph_level(config),
        switch(config, "enable_mem_arena", True),
        switch(config, "enable_mem_pattern", True),
        _arena_shrinkage(config),
        tuple(map(_accelerator, accelerators.cpu_execution_accelerator)),
        tuple(map(_accelerator, accelerators.gpu_execution_accelerator)),
        _cuda(config),
    )
    if "cpu" in options.arena_shrinkage and not options.mem_arena:
        raise ModelLoadFailed(f"parameters.{_SHRINKAGE} shrinks the arena that enable_mem_arena switches off")
    return options


def providers(options: OnnxOptions, device: str) -> list[tuple[str, dict[str, str]]]:
    """The execution providers for `"cpu"` or `"cuda:N"`, the preferred first, each with its options."""
    cpu: list[tuple[str, dict[str, str]]] = [(each.provider, dict(each.options)) for each in options.cpu_accelerators]
    cpu.append(("CPUExecutionProvider", {}))
    if device == "cpu":
        return cpu
    device_id = {"device_id": device.removeprefix("cuda:")}
    asked = {each.provider: {**device_id, **each.options} for each in options.gpu_accelerators}
    cuda = {**_CUDA_DEFAULTS, **device_id, **options.cuda, **asked.pop("CUDAExecutionProvider", {})}
    return [*asked.items(), ("CUDAExecutionProvider", cuda), *cpu]


def refuse_files(config: ModelConfig, elsewhere: str) -> None:
    """Where an accelerator is to use files of the server, and the config comes from `elsewhere`, "" for a folder of
    this machine. Raises `ModelLoadFailed`."""
    accelerators = config.optimization.execution_accelerators
    for each in (*accelerators.cpu_execution_accelerator, *accelerators.gpu_execution_accelerator):
        if elsewhere and (named := sorted(set(_FILES) & set(each.parameters))):
            raise ModelLoadFailed(
                f"{each.name[:50]}'s {named[0]} names a file of the server, which only a config.pbtxt in one of its "
                f"own folders may, and this one comes from {elsewhere}"
            )


def onnx_fields(config: ModelConfig) -> set[str]:
    """The paths of the fields that `onnx_options` acts on; those for GPUs only where the config uses one."""
    accelerators = config.optimization.execution_accelerators
    fields = {"optimization.graph", "optimization.graph.level", *_paths(_EVERYWHERE)}
    fields |= _accelerator_fields("cpu_execution_accelerator", accelerators.cpu_execution_accelerator)
    if any(group.kind == group.KIND_GPU for group in config.instance_group):
        fields |= {*_paths(_ON_GPUS)}
        fields |= _accelerator_fields("gpu_execution_accelerator", accelerators.gpu_execution_accelerator)
    return fields


def _paths(parameters: Iterable[str]) -> Iterable[str]:
    return (f"parameters.{name}" for name in parameters)


def _accelerator_fields(
    field: str, accelerators: Iterable[ModelOptimizationPolicy.ExecutionAccelerators.Accelerator]
) -> set[str]:
    path = f"optimization.execution_accelerators.{field}"
    return {f"{path}.name", *(f"{path}.parameters.{key}" for each in accelerators for key in each.parameters)}


def _graph_level(config: ModelConfig) -> GraphLevel:
    level = config.optimization.graph.level
    try:
        return GraphLevel(level)
    except ValueError:
        raise ModelLoadFailed(
            f"optimization.graph.level must be -1 (basic), 1 (extended), 2 (none) or 0 (all), got {level}"
        ) from None


def _arena_shrinkage(config: ModelConfig) -> str:
    given = text(config, _SHRINKAGE) or ""
    if given and not re.fullmatch(r"(cpu|gpu):\d{1,3}(;(cpu|gpu):\d{1,3})*", given):
        raise ModelLoadFailed(
            f"parameters.{_SHRINKAGE} must name devices such as 'cpu:0' or 'cpu:0;gpu:0', got '{given[:50]}'"
        )
    return given


def _cuda(config: ModelConfig) -> Mapping[str, str]:
    options = {name: choice(config, name, choices) for name, choices in _CUDA_CHOICES.items()}
    limit = whole_number(config, "gpu_mem_limit", _MOST_BYTES, "a number of bytes")
    return {
        **{name: value for name, value in options.items() if value is not None},
        **({} if limit is None else {"gpu_mem_limit": str(limit)}),
    }


def _accelerator(asked: ModelOptimizationPolicy.ExecutionAccelerators.Accelerator) -> Accelerator:
    if asked.name not in _PROVIDERS:
        raise ModelLoadFailed(
            f"unknown Execution Accelerator '{asked.name[:50]}' is requested, known are {', '.join(_PROVIDERS)}"
        )
    options = {str(key): str(value) for key, value in asked.parameters.items()}
    if refused := sorted(set(_PROGRAMS) & set(options)):
        raise ModelLoadFailed(
            f"{asked.name}'s {refused[0]} is nothing that a config may set: it leads into the process"
        )
    return Accelerator(asked.name, _PROVIDERS[asked.name], _tensorrt(options) if asked.name == "tensorrt" else options)


def _tensorrt(options: dict[str, str]) -> dict[str, str]:
    precision = options.pop("precision_mode", "FP32")
    if precision not in _PRECISIONS:
        raise ModelLoadFailed(
            f"tensorrt's precision_mode must be one of {', '.join(_PRECISIONS)}, got '{precision[:50]}'"
        )
    return {**_PRECISIONS[precision], **{_TENSORRT.get(key, key): value for key, value in options.items()}}
