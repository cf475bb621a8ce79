"""Decoders on PyTorch, from TorchScript archives that write into the cache which they are given.

Rule: the cache is one tensor, and a run is given a view of the rows that it is about.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from serving.backends.backend import model_file
from serving.backends.decoder import Decoder
from serving.backends.decoder_check import check_rows
from serving.backends.decoder_shape import DecoderShape, decoder_shape, no_memory
from serving.backends.gpu_faults import gpu_fault
from serving.backends.torchscript import RUNTIME, check_device, open_module, threads
from serving.core.model_config import ModelConfig
from serving.core.torch_options import torch_options
from serving.errors import BackendFailed, ModelLoadFailed

# isort: split
# After the backend for other models, which sets what PyTorch's threads read when they start.
import torch

_ARGUMENTS = ("input_ids", "start", "cache")


class TorchDecoder:
    def __init__(
        self,
        module: Any,
        shape: DecoderShape,
        rows: int,
        max_length: int,
        device: str = "cpu",
        intra_op_threads: int = 1,
    ) -> None:
        """Raises PyTorch's `RuntimeError` where there is no memory for the cache."""
        self.rows = rows
        self.max_length = max_length
        self.vocab_size = shape.vocab_size
        self._module = module
        self._device = device
        self._threads = intra_op_threads
        size = (shape.layers, 2, rows, shape.kv_heads, max_length, shape.head_dim)
        self._cache = torch.zeros(size, dtype=torch.float32, device=device)

    def prefill(self, row: int, tokens: Sequence[int], start: int) -> np.ndarray:
        logits: np.ndarray = self._logits([tokens], [start], row)[0]
        return logits

    def decode(self, tokens: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        return self._logits([[token] for token in tokens], lengths, 0)

    def copy(self, source: int, target: int, length: int) -> None:
        self._cache[:, :, target, :, :length] = self._cache[:, :, source, :, :length]

    def swap(self, first: int, second: int, length: int) -> None:
        kept = self._cache[:, :, first, :, :length].clone()
        self.copy(second, first, length)
        self._cache[:, :, second, :, :length] = kept

    def close(self) -> None:
        del self._module, self._cache

    def _logits(self, tokens: Sequence[Sequence[int]], starts: Sequence[int], row: int) -> np.ndarray:
        with threads(self._threads), torch.inference_mode():
            ids, start = (torch.tensor(numbers, device=self._device) for numbers in (tokens, starts))
            try:
                logits: np.ndarray = self._module(ids, start, self._cache[:, :, row : row + len(starts)]).cpu().numpy()
            except RuntimeError as error:
                raise BackendFailed(gpu_fault(str(error)) or f"PyTorch failed: {_last_line(error)}") from error
        return logits


def load(directory: Path, config: ModelConfig, device: str, rows: int, max_length: int) -> Decoder:
    path = model_file(directory, config)
    options = torch_options(config)
    check_device(config, device)
    shape = decoder_shape(directory)
    length = shape.length(max_length)
    module = open_module(path, device)
    _check_arguments(path.name, module)
    try:
        decoder = TorchDecoder(module, shape, rows, length, device, options.intra_op_threads or 1)
    except (RuntimeError, MemoryError):
        raise no_memory(shape, rows, length) from None
    _check(path.name, decoder)
    return decoder


def _check_arguments(name: str, module: Any) -> None:
    found = [argument.name for argument in module.forward.schema.arguments[1:]] if hasattr(module, "forward") else []
    if tuple(found) != _ARGUMENTS:
        raise ModelLoadFailed(
            f"'{name}' is no decoder with a cache, whose forward takes {', '.join(_ARGUMENTS)}; its own takes "
            f"{', '.join(found) or 'nothing'}. Export it with training.export.decoder_torchscript"
        )


def _check(name: str, decoder: TorchDecoder) -> None:
    """An archive doesn't say what shapes it takes, so that one which is not of config.json's is found out here."""
    try:
        found = decoder.prefill(0, [0], 0).shape
        if found != (decoder.vocab_size,):
            raise ModelLoadFailed(
                f"'{name}' gives {list(found)} logits for a token, config.json makes it {[decoder.vocab_size]}"
            )
        check_rows(decoder, RUNTIME)
    except BackendFailed as error:
        raise ModelLoadFailed(f"'{name}' can't be run with the shapes of config.json: {error}") from None


def _last_line(error: Exception) -> str:
    return str(error).strip().rpartition("\n")[2]
