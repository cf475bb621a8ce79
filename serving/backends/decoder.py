"""What runs a transformer that writes, one step at a time, and the table of those there are.

Rule: a decoder is told rows, positions and tokens; which sequence they belong to, and what is chosen, others know.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from serving.core.generation_config import TEXT, TEXT_TO_TEXT
from serving.core.model_config import ModelConfig

DECODERS = {
    "onnxruntime": "serving.backends.ort_decoder:load",
    "pytorch": "serving.backends.torch_decoder:load",
}
RUNNERS = {TEXT: DECODERS, TEXT_TO_TEXT: {"onnxruntime": "serving.backends.ort_seq2seq:load"}}
"""By task, then by backend."""


class Decoder(Protocol):
    """One thread at a time calls it. Its cache has `rows` rows of `max_length` positions each."""

    @property
    def rows(self) -> int: ...

    @property
    def max_length(self) -> int: ...

    @property
    def vocab_size(self) -> int: ...

    def prefill(self, row: int, tokens: Sequence[int], start: int) -> np.ndarray:
        """Reads tokens into a row, from position `start` on. Logits float32 [vocab_size] of what follows the last one.
        What it returns is its own, and changes with the next call."""

    def decode(self, tokens: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        """One token for each of the rows 0 to n-1, at position `lengths[i]`. Logits float32 [n, vocab_size], also its
        own."""

    def copy(self, source: int, target: int, length: int) -> None:
        """The first `length` positions of one row over those of another."""

    def swap(self, first: int, second: int, length: int) -> None:
        """The first `length` positions of two rows change places."""

    def close(self) -> None: ...


class DecoderBackend(Protocol):
    def __call__(self, directory: Path, config: ModelConfig, device: str, rows: int, max_length: int) -> Decoder:
        """Load from a version `directory` onto `device`, `"cpu"`, `"cuda:0"` and so on, with a cache of so many rows;
        `max_length` 0 is what the model was made for. Raises `ModelLoadFailed` with a reason for the model's owner.
        """
