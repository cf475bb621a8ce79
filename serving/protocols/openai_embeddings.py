"""Bodies and answers of /v1/embeddings.

Source: the types of the package openai. Rule: base64, which OpenAI's client asks for on its own, is of little-endian
float32.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from serving.core.brief import brief
from serving.errors import BackendFailed
from serving.protocols import json_text, openai_fields
from serving.protocols.openai_fields import wrong_value
from serving.protocols.openai_requests import Prompt, read_texts

_FORMATS = ("float", "base64")


@dataclass(frozen=True, slots=True)
class EmbeddingRequest:
    """`dimensions` 0 is as many as the model has. The others are as `TextRequest`'s."""

    model: str
    inputs: tuple[Prompt, ...]
    as_base64: bool = False
    dimensions: int = 0
    priority: int = 0
    user: str = ""
    add_special_tokens: bool = True
    truncate_prompt_tokens: int | None = None


def decode(body: bytes) -> EmbeddingRequest:
    """Raises `InvalidInput`."""
    fields = openai_fields.body(body)
    inputs = fields.value("input")
    if inputs is None:
        fields.missing("input")
    form = fields.text("encoding_format", "float")
    if form not in _FORMATS:
        raise wrong_value("encoding_format", f"'encoding_format' must be float or base64, got {brief(form)}")
    return EmbeddingRequest(
        model=fields.required_text("model"),
        inputs=read_texts("input", inputs),
        as_base64=form == "base64",
        dimensions=fields.integer("dimensions", 0, 1, 2**31 - 1),
        priority=fields.integer("priority", 0, 0, 2**32 - 1),
        user=fields.text("user"),
        add_special_tokens=fields.flag("add_special_tokens", True),
        truncate_prompt_tokens=fields.optional_integer("truncate_prompt_tokens", -1, 2**31 - 1),
    )


def encode(model: str, vectors: Sequence[np.ndarray], prompt_tokens: int, as_base64: bool) -> bytes:
    """Raises `BackendFailed` for numbers that JSON can't hold."""
    if not all(np.isfinite(vector).all() for vector in vectors):
        raise BackendFailed("the model answered embeddings that are not finite numbers")
    write = _base64 if as_base64 else np.ascontiguousarray
    rows: list[dict[str, Any]] = [
        {"object": "embedding", "index": index, "embedding": write(vector.astype(np.float32, copy=False))}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens}
    return json_text.dumps({"object": "list", "data": rows, "model": model, "usage": usage})


def _base64(vector: np.ndarray) -> str:
    return base64.b64encode(vector.astype("<f4", copy=False).tobytes()).decode()
