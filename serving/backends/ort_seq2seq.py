"""An encoder and a decoder on ONNX Runtime: `encoder.onnx` reads a text, `model.onnx` writes the answer after it.

Rule: what the encoder makes of a text is keys and values of the decoder's cache, at the text's own positions; a text's
last token is the decoder's first, and from there on it is a decoder like any other.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from serving.backends.decoder_shape import DecoderShape, decoder_shape
from serving.backends.ort_decoder import (
    ENCODER,
    OrtDecoder,
    Tensors,
    cache_names,
    check_tensors,
    load_decoder,
    open_part,
)
from serving.core.model_config import ModelConfig
from serving.errors import BackendFailed, ModelLoadFailed

# isort: split
# After the backend for other models, which sets what ONNX Runtime reads when it is imported.
import onnxruntime as ort

_EXPORT = "an encoder has that gives a decoder its keys and values; export it with training.export.seq2seq_onnx"
_TRIED = 3  # tokens


class OrtSeq2seq:
    """Its rows are the decoder's; of each it also keeps the text."""

    def __init__(self, encoder: ort.InferenceSession, decoder: OrtDecoder) -> None:
        self.rows = decoder.rows
        self.max_length = decoder.max_length
        self.vocab_size = decoder.vocab_size
        self._encoder = encoder
        self._decoder = decoder
        self._texts: list[list[int]] = [[] for _ in range(decoder.rows)]
        self._names = [output.name for output in encoder.get_outputs()]

    def prefill(self, row: int, tokens: Sequence[int], start: int) -> np.ndarray:
        """As an encoder reads both ways, a text that comes in parts is read from its beginning with each of them."""
        text = self._texts[row] = [*self._texts[row][:start], *tokens]
        if len(text) > self.max_length:
            raise BackendFailed(f"a text of {len(text)} tokens is longer than the {self.max_length} positions of a row")
        *read, first = text
        if read:
            held = zip(self._names, self.encoded(read), strict=True)
            self._decoder.put(row, {name.removeprefix("present."): values[0] for name, values in held})
        return self._decoder.prefill(row, [first], len(read))

    def decode(self, tokens: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        return self._decoder.decode(tokens, lengths)

    def copy(self, source: int, target: int, length: int) -> None:
        self._texts[target] = self._texts[source][:length]
        self._decoder.copy(source, target, length)

    def swap(self, first: int, second: int, length: int) -> None:
        self._texts[first], self._texts[second] = self._texts[second], self._texts[first]
        self._decoder.swap(first, second, length)

    def close(self) -> None:
        self._decoder.close()
        del self._encoder

    def encoded(self, text: Sequence[int]) -> list[np.ndarray]:
        """Keys and values [1, kv_heads, n, head_dim], in the order of the encoder's outputs."""
        try:
            held: list[np.ndarray] = self._encoder.run(self._names, {"input_ids": np.array([text], np.int64)})
        except Exception as error:  # ONNX Runtime has one exception class per status code and no common base but this
            raise BackendFailed(f"ONNX Runtime failed: {str(error).strip()}") from error
        return held


def load(directory: Path, config: ModelConfig, device: str, rows: int, max_length: int) -> OrtSeq2seq:
    path = directory / ENCODER
    if not path.is_file():
        raise ModelLoadFailed(
            f"version {directory.name} has no file '{ENCODER}', which reads the texts that model.onnx answers; a model "
            "without an encoder has generation.task text-generation"
        )
    encoder, shape = open_part(path, config, device), decoder_shape(directory)
    _check_file(encoder, shape)
    model = OrtSeq2seq(encoder, load_decoder(directory, config, device, rows, max_length))
    _try(model, shape)
    return model


def _check_file(encoder: ort.InferenceSession, shape: DecoderShape) -> None:
    inputs: Tensors = {"input_ids": ("tensor(int64)", (1, None))}
    held = ("tensor(float)", (1, shape.kv_heads, None, shape.head_dim))
    outputs: Tensors = {f"present.{name}": held for name in cache_names(shape.layers)}
    for kind, found, expected in (("input", encoder.get_inputs(), inputs), ("output", encoder.get_outputs(), outputs)):
        check_tensors(f"'{ENCODER}'", kind, {each.name: each for each in found}, expected, _EXPORT)


def _try(model: OrtSeq2seq, shape: DecoderShape) -> None:
    """It reads one text at a time, so that there are no rows to leave alone; but sizes may be fixed, or others."""
    expected = (1, shape.kv_heads, _TRIED, shape.head_dim)
    try:
        shapes = {values.shape for values in model.encoded(range(_TRIED))}
    except BackendFailed as error:
        raise ModelLoadFailed(f"'{ENCODER}' can't be run: {error}") from None
    if shapes != {expected}:
        raise ModelLoadFailed(f"'{ENCODER}' gives {shapes.pop()} for {_TRIED} tokens, config.json makes it {expected}")
