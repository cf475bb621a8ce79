"""Decoders on ONNX Runtime, whose graph attends with `GroupQueryAttention` over a cache that lies here.

Rule: pasts and presents are bound to the same memory, rows of one buffer for each layer's keys and values, so that
nothing of the cache is ever copied for a run; and what was bound for so many rows stays bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from serving.backends.backend import model_file
from serving.backends.decoder_check import check_rows
from serving.backends.decoder_shape import DecoderShape, decoder_shape, no_memory
from serving.backends.ort import RUNTIME, check_providers, open_session, read_file
from serving.core.generation_config import TASK, TEXT_TO_TEXT
from serving.core.model_config import ModelConfig
from serving.core.onnx_options import onnx_options, providers
from serving.errors import BackendFailed, ModelLoadFailed

# isort: split
# After the backend for other models, which sets what ONNX Runtime reads when it is imported.
import onnxruntime as ort

ENCODER = "encoder.onnx"

_CPU = ("cpu", 0)
_EXPORT = "a decoder with a cache has; export it with training.export.decoder_onnx"


class OrtDecoder:
    """Rows that write have one set of bindings for each number of them, and rows that read one for each row."""

    def __init__(self, session: ort.InferenceSession, shape: DecoderShape, rows: int, max_length: int) -> None:
        """Raises `MemoryError` where there is none for the cache."""
        self.rows = rows
        self.max_length = max_length
        self.vocab_size = shape.vocab_size
        self._session = session
        self._cache = {
            name: np.zeros((rows, shape.kv_heads, max_length, shape.head_dim), np.float32)
            for name in cache_names(shape.layers)
        }
        self._decoding = _Given(rows, shape.vocab_size)
        self._reading = _Given(1, shape.vocab_size)
        self._bound_to_decode: dict[int, ort.IOBinding] = {}
        self._bound_to_read: dict[int, ort.IOBinding] = {}

    def prefill(self, row: int, tokens: Sequence[int], start: int) -> np.ndarray:
        binding = self._bound_to_read.get(row)
        if binding is None:
            binding = self._bound_to_read[row] = self._bound(row, row + 1, self._reading)
        ids = np.array([tokens], np.int64)
        _bind(binding, "input_ids", ids)
        self._reading.set([start], start + len(tokens), len(tokens))
        self._run(binding)
        logits: np.ndarray = self._reading.logits[0]
        return logits

    def decode(self, tokens: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        count = len(tokens)
        binding = self._bound_to_decode.get(count)
        if binding is None:
            binding = self._bound_to_decode[count] = self._bound(0, count, self._decoding)
            _bind(binding, "input_ids", self._decoding.ids[:count])
        self._decoding.ids[:count, 0] = tokens
        self._decoding.set(lengths, max(lengths) + 1, 1)
        self._run(binding)
        return self._decoding.logits[:count]

    def copy(self, source: int, target: int, length: int) -> None:
        for buffer in self._cache.values():
            buffer[target, :, :length] = buffer[source, :, :length]

    def swap(self, first: int, second: int, length: int) -> None:
        for buffer in self._cache.values():
            kept = buffer[first, :, :length].copy()
            buffer[first, :, :length] = buffer[second, :, :length]
            buffer[second, :, :length] = kept

    def put(self, row: int, held: Mapping[str, np.ndarray]) -> None:
        """Keys and values [kv_heads, n, head_dim], by the names of `cache_names`, into a row's first positions."""
        for name, values in held.items():
            self._cache[name][row, :, : values.shape[1]] = values

    def close(self) -> None:
        self._bound_to_decode.clear()
        self._bound_to_read.clear()
        self._cache.clear()
        del self._session

    def _bound(self, first: int, end: int, given: "_Given") -> ort.IOBinding:
        """To the rows from `first` up to `end`; all but the tokens."""
        binding = self._session.io_binding()
        count = end - first
        _bind(binding, "seqlens_k", given.last_positions[:count])
        _bind(binding, "total_sequence_length", given.total)
        _bind_output(binding, "logits", given.logits[:count])
        for name, buffer in self._cache.items():
            _bind(binding, f"past_key_values.{name}", buffer[first:end])
            _bind_output(binding, f"present.{name}", buffer[first:end])
        return binding

    def _run(self, binding: ort.IOBinding) -> None:
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:  # ONNX Runtime has one exception class per status code and no common base but this
            raise BackendFailed(f"ONNX Runtime failed: {str(error).strip()}") from error


class _Given:
    """What a run reads besides the cache, and its logits, in memory that stays where it is."""

    def __init__(self, rows: int, vocab_size: int) -> None:
        self.ids = np.zeros((rows, 1), np.int64)
        self.last_positions = np.zeros(rows, np.int32)
        self.total = np.zeros((), np.int32)
        self.logits = np.zeros((rows, vocab_size), np.float32)

    def set(self, starts: Sequence[int], total: int, tokens: int) -> None:
        self.last_positions[: len(starts)] = starts
        self.last_positions[: len(starts)] += tokens - 1
        self.total[()] = total


def load(directory: Path, config: ModelConfig, device: str, rows: int, max_length: int) -> OrtDecoder:
    if (directory / ENCODER).exists():
        raise ModelLoadFailed(
            f"version {directory.name} has a file '{ENCODER}', whose answers a decoder alone can't give; set {TASK} to "
            f"{TEXT_TO_TEXT}, or remove that file"
        )
    return load_decoder(directory, config, device, rows, max_length)


def load_decoder(directory: Path, config: ModelConfig, device: str, rows: int, max_length: int) -> OrtDecoder:
    path = model_file(directory, config)
    shape = decoder_shape(directory)
    length = shape.length(max_length)
    session = open_part(path, config, device)
    _check_file(path.name, session, shape)
    try:
        decoder = OrtDecoder(session, shape, rows, length)
    except (MemoryError, ValueError):  # numpy's, for more bytes than can be counted
        raise no_memory(shape, rows, length) from None
    try:
        check_rows(decoder, RUNTIME, _is_rounded(session))
    except BackendFailed as error:
        raise ModelLoadFailed(f"'{path.name}' can't be run: {error}") from None
    return decoder


def open_part(path: Path, config: ModelConfig, device: str) -> ort.InferenceSession:
    """A file of a model that writes. Raises `ModelLoadFailed`."""
    if device != "cpu":
        raise ModelLoadFailed(
            f"ONNX decoders run on the CPU only, the config asks for {device}; use KIND_CPU, or the backend pytorch"
        )
    options = onnx_options(config)
    options = replace(options, intra_op_threads=options.intra_op_threads or 1)
    wanted = providers(options, device)
    check_providers(wanted, config)
    return open_session(path.name, read_file(path), options, wanted)


def _is_rounded(session: ort.InferenceSession) -> bool:
    told: dict[str, str] = session.get_modelmeta().custom_metadata_map
    return told.get("weights") == "int8"


def cache_names(layers: int) -> list[str]:
    return [f"{layer}.{part}" for layer in range(layers) for part in ("key", "value")]


def _check_file(name: str, session: ort.InferenceSession, shape: DecoderShape) -> None:
    """Raises `ModelLoadFailed` for a graph that reads or writes something else."""
    cache = ("tensor(float)", (None, shape.kv_heads, None, shape.head_dim))
    names = cache_names(shape.layers)
    inputs = {
        "input_ids": ("tensor(int64)", (None, None)),
        "seqlens_k": ("tensor(int32)", (None,)),
        "total_sequence_length": ("tensor(int32)", ()),
        **{f"past_key_values.{each}": cache for each in names},
    }
    outputs = {
        "logits": ("tensor(float)", (None, shape.vocab_size)),
        **{f"present.{each}": cache for each in names},
    }
    for kind, found, expected in (("input", session.get_inputs(), inputs), ("output", session.get_outputs(), outputs)):
        check_tensors(f"'{name}'", kind, {each.name: each for each in found}, expected, _EXPORT)


Tensors = dict[str, tuple[str, tuple[int | None, ...]]]


def check_tensors(file: str, kind: str, found: dict[str, ort.NodeArg], expected: Tensors, advice: str) -> None:
    if absent := [name for name in expected if name not in found]:
        raise ModelLoadFailed(
            f"{file} has no {kind} '{absent[0]}', which {advice}. Its {kind}s are {', '.join(list(found)[:8])}"
        )
    if more := [name for name in found if name not in expected]:
        raise ModelLoadFailed(f"{file} has the {kind} '{more[0]}', which nothing is known of here")
    for name, (datatype, shape) in expected.items():
        tensor = found[name]
        dims = tuple(dim if isinstance(dim, int) else None for dim in tensor.shape)
        if tensor.type != datatype or len(dims) != len(shape) or not all(map(_may_be, dims, shape)):
            raise ModelLoadFailed(
                f"{file}: {kind} '{name}' is {tensor.type} {_text(dims)}, "
                f"config.json makes it {datatype} {_text(shape)}"
            )


def _may_be(found: int | None, expected: int | None) -> bool:
    return found is None or found == expected


def _text(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('any' if dim is None else str(dim) for dim in shape)}]"


def _bind(binding: ort.IOBinding, name: str, array: np.ndarray) -> None:
    binding.bind_input(name, *_CPU, array.dtype, array.shape, array.ctypes.data)


def _bind_output(binding: ort.IOBinding, name: str, array: np.ndarray) -> None:
    binding.bind_output(name, *_CPU, array.dtype, array.shape, array.ctypes.data)
