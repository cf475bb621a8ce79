"""TorchScript archives on PyTorch.

Rule: an archive names no outputs and no datatypes, so tensors keep the config's names and go in and out by position.
"""

from pathlib import Path

import numpy as np
import torch

from serving.backends.backend import ModelInstance, model_file
from serving.core.datatypes import DTYPES, datatype_of
from serving.core.file_specs import file_input_specs, file_output_specs
from serving.core.model_config import ModelConfig
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters, TensorSpec
from serving.errors import BackendFailed, ModelLoadFailed


class TorchScriptInstance:
    concurrency = 1
    reads_parameters = False

    def __init__(
        self,
        module: torch.jit.ScriptModule,
        inputs: tuple[TensorSpec, ...],
        outputs: tuple[TensorSpec, ...],
        device: str,
    ) -> None:
        self._module = module
        self._device = device
        self.inputs = inputs
        self.outputs = outputs

    def run(self, inputs: Arrays, _: Parameters = NO_PARAMETERS, /) -> Arrays:
        with torch.inference_mode():
            returned = self._module(*(self._tensor(inputs[spec.name]) for spec in self.inputs))
        tensors = _tensors(returned)
        if len(tensors) != len(self.outputs):
            raise BackendFailed(f"it returned {len(tensors)} tensors, its config lists {len(self.outputs)}")
        arrays = {spec.name: _array(tensor) for spec, tensor in zip(self.outputs, tensors, strict=True)}
        for spec in self.outputs:
            if (found := datatype_of(arrays[spec.name].dtype)) != spec.datatype:
                raise BackendFailed(f"output '{spec.name}' is {found}, its config says {spec.datatype}")
        return arrays

    def close(self) -> None:
        del self._module

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        # PyTorch warns about read-only memory, which views into a request's body are.
        writable = array if array.flags.writeable else array.copy()
        if writable.dtype == DTYPES["BF16"]:
            return torch.from_numpy(writable.view(np.uint16)).view(torch.bfloat16).to(self._device)
        return torch.from_numpy(writable).to(self._device)


def load(directory: Path, config: ModelConfig, device: str) -> ModelInstance:
    path = model_file(directory, config)
    if device == "cuda" and not torch.cuda.is_available():
        raise ModelLoadFailed("instance_group has kind KIND_GPU but PyTorch finds no GPU")
    try:
        module = torch.jit.load(path, map_location=device)  # type: ignore[no-untyped-call]
    except (RuntimeError, ValueError) as error:
        raise ModelLoadFailed(f"PyTorch can't load '{path.name}': {_first_line(error)}") from None
    module.eval()
    inputs, outputs = file_input_specs(config), file_output_specs(config)
    if any(spec.datatype == "BYTES" for spec in (*inputs, *outputs)):
        raise ModelLoadFailed("PyTorch has no string tensors; the config lists a TYPE_STRING")
    if not hasattr(module, "forward"):
        raise ModelLoadFailed(f"'{path.name}' has no method 'forward'")
    arguments = len(module.forward.schema.arguments) - 1  # the first is self
    if arguments != len(inputs):
        raise ModelLoadFailed(f"configuration expects {len(inputs)} inputs, model provides {arguments}")
    return TorchScriptInstance(module, inputs, outputs, device)


def _array(tensor: torch.Tensor) -> np.ndarray:
    """numpy's own types have no bfloat16."""
    if tensor.dtype == torch.bfloat16:
        return tensor.cpu().contiguous().view(torch.uint16).numpy().view(DTYPES["BF16"])
    return tensor.cpu().numpy()


def _tensors(returned: object) -> list[torch.Tensor]:
    tensors: list[torch.Tensor] = []
    for item in returned if isinstance(returned, tuple | list) else [returned]:
        if not isinstance(item, torch.Tensor):
            raise BackendFailed(f"it returned a {type(item).__name__}, not a tensor or several")
        tensors.append(item)
    return tensors


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
