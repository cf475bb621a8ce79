"""Memory in which the inputs of one batch after another are put together, for one thread that runs batches.

Rule: what is taken under a name is void once something is taken under it again; and it holds no more than its limit.
"""

import math
from math import inf

import numpy as np

from serving.backends.backend import InputMemory, ModelInstance, input_memory
from serving.core.datatypes import dtype_of
from serving.core.model_config import ModelConfig, input_specs
from serving.core.requests import Arrays

_LIMIT = 64 << 20  # bytes; larger batches get memory of their own
_SMALLEST = 1 << 12


def buffers_for(instance: ModelInstance, config: ModelConfig) -> "BatchBuffers | None":
    """None where they would never be used, so that small batches don't even ask."""
    memory = input_memory(instance)
    if memory is None or not config.max_batch_size:
        return None
    never = memory.size_for is None and _largest(config) < memory.least
    return None if never else BatchBuffers(memory)


def _largest(config: ModelConfig) -> float:
    """Bytes of an input's largest batch."""
    return max(
        inf if -1 in shape else config.max_batch_size * math.prod(shape) * dtype_of(spec.datatype).itemsize
        for spec in input_specs(config)
        for shape in [spec.shape[1:]]
    )


class BatchBuffers:
    def __init__(self, memory: InputMemory, limit: int = _LIMIT) -> None:
        self.holds_single = memory.is_better
        """Whether even a request that runs alone may belong here."""
        self._size_for = memory.size_for
        self._allocate = memory.allocate
        self._least = memory.least
        self._limit = limit
        self._blocks: dict[str, np.ndarray] = {}

    def __repr__(self) -> str:
        return f"<BatchBuffers {self._held() >> 10} KiB>"

    def size_for(self, rows: int) -> int:
        return rows if self._size_for is None else self._size_for(rows)

    def take(self, name: str, dtype: np.dtype, shape: tuple[int, ...]) -> np.ndarray | None:
        """An array with anything in it; None for texts, for what is small, and where the limit would be passed."""
        size = math.prod(shape) * dtype.itemsize
        if size < self._least or not size or dtype.hasobject:
            return None
        block = self._blocks.get(name)
        if block is None or len(block) < size:
            block = self._grown(name, size)
        return None if block is None else np.ndarray(shape, dtype, block)

    def detached(self, outputs: Arrays) -> Arrays:
        """The same values, none of them in its memory."""
        if not self._blocks:
            return outputs
        return {name: array.copy() if self._has(array) else array for name, array in outputs.items()}

    def _grown(self, name: str, size: int) -> np.ndarray | None:
        self._blocks.pop(name, None)
        size = max(_SMALLEST, 1 << (size - 1).bit_length())
        if self._held() + size > self._limit:
            return None
        self._blocks[name] = self._allocate(size)
        return self._blocks[name]

    def _held(self) -> int:
        return sum(len(block) for block in self._blocks.values())

    def _has(self, array: np.ndarray) -> bool:
        return any(np.may_share_memory(array, block) for block in self._blocks.values())
