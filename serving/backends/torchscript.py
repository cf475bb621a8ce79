"""TorchScript archives on PyTorch.

Rule: an archive names no outputs and no datatypes, so tensors keep the config's names and go in and out by position.
Any number of threads run a module at once, and what it sets for a run is undone after it.
"""

import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np

# PyTorch's threads spin while they wait, which takes the cores from the event loop and from other models; read once,
# when OpenMP starts. An operator may set it to ACTIVE.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
import torch

from serving.backends.backend import PAGE_LOCKED_FROM, InputMemory, ModelInstance, model_file
from serving.backends.gpu_faults import gpu_fault
from serving.backends.torch_cuda import Streams, page_locked, to_host
from serving.backends.wrong_files import refuse_what_is_no_torchscript
from serving.core.datatypes import DTYPES, datatype_of
from serving.core.file_specs import file_input_specs, file_output_specs
from serving.core.instance_groups import ITSELF, check_gpu, no_gpus
from serving.core.model_config import ModelConfig
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.core.torch_options import TorchOptions, torch_options
from serving.errors import BackendFailed, ModelLoadFailed

RUNTIME = f"torch {torch.__version__}"

_DEFAULT_THREADS = torch.get_num_threads()  # a new thread of the process may begin with another model's number


class TorchScriptInstance:
    concurrency = 1
    reads_parameters = False

    def __init__(
        self,
        module: torch.jit.ScriptModule,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        device: str,
        options: TorchOptions,
    ) -> None:
        self._module = module
        self._device = "cpu" if device == ITSELF else device
        self._options = options
        self._count = options.intra_op_threads or _DEFAULT_THREADS
        self._cleans = options.cache_cleaning and torch.cuda.is_available()
        self._streams = Streams(device) if device.startswith("cuda") else None
        # On a processor the module is fed the arrays themselves, and may keep them.
        self.input_memory = (
            None if self._streams is None else InputMemory(page_locked, PAGE_LOCKED_FROM, is_better=True)
        )
        self.is_steady = device == "cpu" and not _has_loops(module)
        self.inputs = inputs
        self.outputs = outputs

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        with threads(self._count), torch.inference_mode(self._options.inference_mode), self._optimization():
            tensors = self._on_cpu(inputs) if self._streams is None else self._on_gpu(inputs, self._streams)
        if self._cleans:
            torch.cuda.empty_cache()
        arrays = {spec.name: _array(tensor) for spec, tensor in zip(self.outputs, tensors, strict=True)}
        for spec in self.outputs:
            if (found := datatype_of(arrays[spec.name].dtype)) != spec.datatype:
                raise BackendFailed(f"output '{spec.name}' is {found}, its config says {spec.datatype}")
        return arrays

    def close(self) -> None:
        del self._module

    def _optimization(self) -> AbstractContextManager[None]:
        """PyTorch keeps it per thread, and so does this."""
        return nullcontext() if self._options.optimized_execution else torch.jit.optimized_execution(False)  # type: ignore[attr-defined]

    def _on_cpu(self, inputs: Arrays) -> list[torch.Tensor]:
        return [tensor.cpu() for tensor in self._returned([_tensor(inputs[spec.name]) for spec in self.inputs])]

    def _on_gpu(self, inputs: Arrays, streams: Streams) -> list[torch.Tensor]:
        with streams.one() as stream:
            try:
                given = [_tensor(inputs[spec.name]).to(self._device, non_blocking=True) for spec in self.inputs]
                return to_host(self._returned(given), stream)
            except RuntimeError as error:
                if fault := gpu_fault(str(error)):
                    raise BackendFailed(fault) from error
                raise

    def _returned(self, given: list[torch.Tensor]) -> list[torch.Tensor]:
        tensors = [tensor.detach() for tensor in _tensors(self._module(*given))]
        if len(tensors) != len(self.outputs):
            raise BackendFailed(f"it returned {len(tensors)} tensors, its config lists {len(self.outputs)}")
        return tensors


def load(directory: Path, config: ModelConfig, device: str) -> ModelInstance:
    path = model_file(directory, config)
    options = torch_options(config)
    check_device(config, device)
    module = open_module(path, None if device == ITSELF else device)
    inputs, outputs = file_input_specs(config), file_output_specs(config)
    if any(spec.datatype == "BYTES" for spec in (*inputs, *outputs)):
        raise ModelLoadFailed("PyTorch has no string tensors; the config lists a TYPE_STRING")
    if not hasattr(module, "forward"):
        raise ModelLoadFailed(f"'{path.name}' has no method 'forward'")
    arguments = len(module.forward.schema.arguments) - 1  # the first is self
    if arguments != len(inputs):
        raise ModelLoadFailed(f"configuration expects {len(inputs)} inputs, model provides {arguments}")
    _set_for_the_process(options)
    return TorchScriptInstance(module, inputs, outputs, device, options)


def open_module(path: Path, device: str | None) -> Any:
    """Onto `device`, or where it was when it was saved. Only TorchScript is read, which PyTorch itself interprets."""
    refuse_what_is_no_torchscript(path)
    try:
        module = torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        words = gpu_fault(str(error)) or _first_line(error)
        raise ModelLoadFailed(f"PyTorch can't load '{path.name}': {words}") from None
    module.eval()
    return module


def _has_loops(module: Any) -> bool:
    return bool(module.inlined_graph.findAllNodes("prim::Loop"))


def check_device(config: ModelConfig, device: str) -> None:
    if not device.startswith("cuda"):
        return
    if not torch.cuda.is_available():
        raise no_gpus(config, f"{_why_not()}, or use KIND_CPU")
    check_gpu(device, torch.cuda.device_count())


def _why_not() -> str:
    if torch.version.cuda is None:
        return "this PyTorch has no CUDA; install one with it (`make serve TORCH_BACKEND=cu130`)"
    return f"PyTorch finds none; see whether nvidia-smi lists one, and a driver for CUDA {torch.version.cuda}"


def _set_for_the_process(options: TorchOptions) -> None:
    """What PyTorch has once, for all models. Raises `ModelLoadFailed` where another number can't be had any more."""
    if not options.cudnn:
        torch.backends.cudnn.enabled = False
    wanted = options.inter_op_threads
    if not wanted or wanted == torch.get_num_interop_threads():
        return
    try:
        torch.set_num_interop_threads(wanted)
    except RuntimeError:
        raise ModelLoadFailed(
            f"parameters.INTER_OP_THREAD_COUNT is {wanted}, but PyTorch has one number for the whole process, which is "
            f"{torch.get_num_interop_threads()} and can't be changed any more; give all models the same"
        ) from None


@contextmanager
def threads(count: int) -> Iterator[None]:
    """For the calling thread alone; one that another begins meanwhile begins with this number too."""
    before = torch.get_num_threads()
    if before == count:
        yield
        return
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _tensor(array: np.ndarray) -> torch.Tensor:
    # PyTorch warns about read-only memory, which views into a request's body are.
    writable = array if array.flags.writeable else array.copy()
    if writable.dtype == DTYPES["BF16"]:
        return torch.from_numpy(writable.view(np.uint16)).view(torch.bfloat16)
    return torch.from_numpy(writable)


def _array(tensor: torch.Tensor) -> np.ndarray:
    """numpy's own types have no bfloat16."""
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.uint16).numpy().view(DTYPES["BF16"])
    return tensor.numpy()


def _tensors(returned: object) -> list[torch.Tensor]:
    tensors: list[torch.Tensor] = []
    for item in returned if isinstance(returned, tuple | list) else [returned]:
        if not isinstance(item, torch.Tensor):
            raise BackendFailed(f"it returned a {type(item).__name__}, not a tensor or several")
        tensors.append(item)
    return tensors


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
