"""How a model's makers want it sampled, from its generation_config.json, as vLLM reads it.

Rule: a request's own value always wins; what the file doesn't say either is OpenAI's default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from serving.core.brief import brief
from serving.core.generation import SamplingParams
from serving.errors import ModelLoadFailed

FILE = "generation_config.json"

_MOST = 2**31 - 1
_MAX_TOKENS = "max_new_tokens"  # Hugging Face's name
_BOUNDS: Mapping[str, tuple[type, float, float]] = {
    "temperature": (float, 0, 100),
    "top_k": (int, -1, _MOST),
    "top_p": (float, 0, 1),
    "min_p": (float, 0, 1),
    "repetition_penalty": (float, 1e-3, 1000),
    _MAX_TOKENS: (int, 1, _MOST),
}


@dataclass(frozen=True, slots=True)
class SamplingDefaults:
    """`max_tokens` None is as many as a request has otherwise; `others` are by their names in `SamplingParams`."""

    max_tokens: int | None = None
    others: Mapping[str, float] = field(default_factory=dict)

    def applied(self, sampling: SamplingParams, room: int) -> SamplingParams:
        """With nothing unsaid. `room` is how many tokens fit behind the prompt; the model's own number is no reason to
        refuse one that leaves less."""
        taken: dict[str, Any] = {name: value for name, value in self.others.items() if name in sampling.unsaid}
        if self.max_tokens is not None and "max_tokens" in sampling.unsaid:
            taken["max_tokens"] = min(self.max_tokens, max(room, 1))
        return replace(sampling, **taken, unsaid=frozenset()) if taken else sampling


def sampling_defaults(document: Mapping[str, Any]) -> SamplingDefaults:
    """Of the file's content, in which null is as good as absent. Raises `ModelLoadFailed`."""
    said = {name: _value(name, document[name]) for name in _BOUNDS if document.get(name) is not None}
    return SamplingDefaults(said.pop(_MAX_TOKENS, None), said)


def _value(name: str, value: Any) -> Any:
    kind, low, high = _BOUNDS[name]
    wanted = (int,) if kind is int else (int, float)
    if type(value) not in wanted or not low <= value <= high:
        word = "a whole number" if kind is int else "a number"
        bounds = f"of at least {low}" if high == _MOST else f"from {low:g} to {high:g}"
        raise ModelLoadFailed(f"'{FILE}': '{name}' must be {word} {bounds}, got {brief(value)}; correct or remove it")
    return max(value, 0) if name == "top_k" else kind(value)
