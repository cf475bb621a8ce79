"""What a generating model's `config.json` says of its shape, in Hugging Face's words.

Rule: numbers are checked here, once, so that a decoder can take its cache's size from them.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.errors import ModelLoadFailed

_FILE = "config.json"
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class DecoderShape:
    layers: int
    kv_heads: int
    head_dim: int
    vocab_size: int
    longest: int
    """Positions that the model was made for."""

    def length(self, wanted: int) -> int:
        """Of each row, for what the config asks; 0 is all. Raises `ModelLoadFailed`."""
        if wanted > self.longest:
            raise ModelLoadFailed(
                f"rows of {wanted} positions are asked for (generation.max_model_len), the model was made for "
                f"{self.longest} (max_position_embeddings of {_FILE})"
            )
        return wanted or self.longest


def decoder_shape(directory: Path) -> DecoderShape:
    """Of the model in a version `directory`. Raises `ModelLoadFailed`."""
    fields = _fields(directory)
    heads = _number(fields, "num_attention_heads")
    return DecoderShape(
        _number(fields, "num_hidden_layers"),
        _number(fields, "num_key_value_heads", heads),
        _number(fields, "head_dim", _number(fields, "hidden_size") // heads),
        _number(fields, "vocab_size"),
        _number(fields, "max_position_embeddings"),
    )


def no_memory(shape: DecoderShape, rows: int, length: int) -> ModelLoadFailed:
    """What to say where there is none for the cache."""
    row = 2 * shape.layers * shape.kv_heads * length * shape.head_dim * 4
    return ModelLoadFailed(
        f"no memory for a cache of {rows} rows, {row:,} bytes each ({length} positions in {shape.layers} layers); a "
        "smaller generation.max_num_seqs or generation.max_model_len needs less"
    )


def _fields(directory: Path) -> Mapping[str, Any]:
    try:
        fields = json.loads((directory / _FILE).read_bytes())
    except FileNotFoundError:
        raise ModelLoadFailed(
            f"version {directory.name} has no file '{_FILE}', which says how large the model's cache is; copy the one "
            "that Hugging Face's model has"
        ) from None
    except OSError as error:
        raise ModelLoadFailed(f"'{_FILE}' can't be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise ModelLoadFailed(f"'{_FILE}' is not JSON") from None
    if not isinstance(fields, dict):
        raise ModelLoadFailed(f"'{_FILE}' must hold an object, got {type(fields).__name__}")
    return fields


def _number(fields: Mapping[str, Any], name: str, otherwise: int | None = None) -> int:
    found = fields.get(name)
    if found is None:
        found = otherwise
    if type(found) is int and 1 <= found <= _MOST:
        return found
    said = "is absent" if found is None else f"is {str(found)[:50]}"
    raise ModelLoadFailed(f"{name} of '{_FILE}' {said}, a number from 1 to {_MOST} is expected")
