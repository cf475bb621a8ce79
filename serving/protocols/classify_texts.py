"""Texts for the people's endpoint, `{"inputs": "a text", "parameters": {"top_k": 5}}`, or a list of them.

Rule: a text may also be given as its tokens' numbers; how long texts are cut is said as for embeddings.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass

from serving.core.requests import TensorSpec
from serving.errors import InvalidInput
from serving.protocols import hosted_json
from serving.protocols.classify import DEFAULT_TOP_K
from serving.protocols.openai_fields import Fields
from serving.protocols.openai_requests import Prompt, read_texts

_MOST = 2**31 - 1
_EMBEDDING = "embedding"
_PARAMETERS = (hosted_json.TOP_K, "truncate_prompt_tokens")
_EXAMPLE = '{"inputs": "a text"} or {"inputs": ["one text", "another"]}'


@dataclass(frozen=True, slots=True)
class TextsRequest:
    """`batched` tells whether the caller sent a list; `truncate_prompt_tokens` is as of embeddings."""

    inputs: tuple[Prompt, ...]
    batched: bool
    top_k: int = DEFAULT_TOP_K
    truncate_prompt_tokens: int | None = None


def scores_output(model_name: str, outputs: Sequence[TensorSpec], labels: Container[str]) -> str:
    """The name of the output with one score per class. Raises `InvalidInput` where there is none."""
    found = [spec.name for spec in outputs if spec.datatype.startswith("FP") and len(spec.shape) == 2]
    found.sort(key=lambda name: name not in labels)
    if found and (found[0] in labels or found[0] != _EMBEDDING):
        return found[0]
    instead = "/v1/embeddings" if found else f"/v2/models/{model_name}/infer"
    raise InvalidInput(
        f"model '{model_name}' reads texts, but has no output with one score per class. Use POST {instead}"
    )


def decode(body: bytes, top_k: int | None) -> TextsRequest:
    """`top_k` is what the query said, or None; the body's counts more. Raises `InvalidInput`."""
    if not body:
        raise InvalidInput(f"the body is empty; send JSON such as {_EXAMPLE}")
    inputs, given = hosted_json.decode(body, _EXAMPLE, _PARAMETERS)
    parameters = Fields(given, "parameters")
    return TextsRequest(
        inputs=read_texts("inputs", inputs),
        batched=type(inputs) is list and type(inputs[0]) is not int,
        top_k=parameters.integer("top_k", DEFAULT_TOP_K if top_k is None else top_k, 1, _MOST),
        truncate_prompt_tokens=parameters.optional_integer("truncate_prompt_tokens", -1, _MOST),
    )
