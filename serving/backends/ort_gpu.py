"""What ONNX Runtime needs for a GPU, and what is missing where it has none.

Rule: whoever has no GPU is told what to install; nothing runs on the CPU instead, which would be slow and say nothing.
"""

import ctypes
from functools import partial
from pathlib import Path

import onnxruntime as ort

from serving.backends.backend import PAGE_LOCKED_FROM, InputMemory
from serving.backends.cuda_runtime import CudaRuntime, NoCuda
from serving.core.instance_groups import check_gpu, no_gpus
from serving.core.model_config import ModelConfig

_ERRORS = 3  # of its levels of logging
_INSTALL = "install Slipway's gpu extra, which brings NVIDIA's libraries, or use KIND_CPU"


def gpu_memory(config: ModelConfig, device: str) -> InputMemory:
    """Load what it needs, before the first session. Raises `ModelLoadFailed` where there is no such GPU."""
    ort.set_default_logger_severity(_ERRORS)  # it warns of plug-ins that nobody asked for
    ort.preload_dlls()  # from NVIDIA's packages, where it would not look
    try:
        cuda = CudaRuntime(ort.cuda_version)
        check_gpu(device, cuda.gpus())
    except NoCuda as error:
        raise no_gpus(config, f"{error}; {_INSTALL}") from None
    allocate = partial(cuda.page_locked, gpu=int(device.removeprefix("cuda:")))
    return InputMemory(allocate, PAGE_LOCKED_FROM, is_better=True)


def missing_library(folder: Path = Path(ort.__file__).parent / "capi") -> str:
    """What keeps its CUDA provider from being loaded, as far as the system says."""
    try:
        ctypes.CDLL(str(folder / "libonnxruntime_providers_cuda.so"))
    except OSError as error:
        if (name := str(error).partition(":")[0]) and not name.startswith(str(folder)):
            return f", since {name} can't be loaded; {_INSTALL}"
    return "; its log says why"


def usable_gpus() -> int:
    """How many ONNX Runtime can use, at least one. Raises `NoCuda`."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        raise NoCuda("this ONNX Runtime has no CUDA provider; install Slipway's gpu extra instead of cpu")
    ort.preload_dlls()
    return CudaRuntime(ort.cuda_version).gpus()
