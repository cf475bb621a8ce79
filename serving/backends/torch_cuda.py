"""A GPU as PyTorch uses it: page-locked memory, and a stream for each thread that runs a model.

Rule: a run queues its copies and its work on one stream and waits for that stream once, so that runs don't wait for one
another.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

_LARGE = 1 << 17  # bytes


class Streams:
    """Of one device, as many as there were runs at the same time. PyTorch's memory belongs to the stream that it was
    first used on, so that few streams need little of it."""

    def __init__(self, device: str) -> None:
        self._device = torch.device(device)
        self._idle: list[torch.cuda.Stream] = []

    @contextmanager
    def one(self) -> Iterator[torch.cuda.Stream]:
        """The calling thread's until the block ends; after it the thread stays set to it, as setting it back takes
        longer than small models do."""
        try:
            stream = self._idle.pop()
        except IndexError:
            stream = torch.cuda.Stream(self._device)  # type: ignore[no-untyped-call]
        torch.cuda.set_stream(stream)
        try:
            yield stream
        finally:
            self._idle.append(stream)


def page_locked(size: int) -> np.ndarray:
    """So many bytes, from which a GPU copies without help of a processor."""
    return torch.empty(size, dtype=torch.uint8, pin_memory=True).numpy()


def to_host(tensors: Sequence[torch.Tensor], stream: torch.cuda.Stream) -> list[torch.Tensor]:
    """Copies, once all of `stream` is done. Large ones are in page-locked memory, which PyTorch takes back once nothing
    views them; for small ones that takes longer than it saves."""
    copies = [_queued(tensor) if tensor.nbytes >= _LARGE else tensor.cpu() for tensor in tensors]
    stream.synchronize()
    return copies


def _queued(tensor: torch.Tensor) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True).copy_(tensor, non_blocking=True)
