"""Text as it was written, of which a protocol makes its reply.

Rule: values only. Names are vLLM's; one `CompletionOutput` is a whole answer, or what is new of it in a stream.
"""

from dataclasses import dataclass

from serving.core.generation import FinishReason


@dataclass(frozen=True, slots=True)
class TopLogprob:
    """A token that could have been chosen. `raw` is its bytes, of which `text` may be no valid part."""

    text: str
    logprob: float
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """The token that was chosen, and the likeliest ones, best first."""

    text: str
    logprob: float
    raw: bytes = b""
    top: tuple[TopLogprob, ...] = ()


@dataclass(frozen=True, slots=True)
class CompletionOutput:
    """`index` counts the answers to one request: n for its first prompt, then n for its second, and so on.

    `logprobs` is None unless asked for, `prompt_token_ids` where nobody asked or was told before. `stop_reason` is the
    stop string or the stop token that ended it.
    """

    index: int
    text: str
    token_ids: tuple[int, ...] = ()
    logprobs: tuple[TokenLogprob, ...] | None = None
    finish_reason: FinishReason | None = None
    stop_reason: str | int | None = None
    prompt_token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """`cached_tokens` of the prompt's were in the cache and had not to be read again."""

    prompt_tokens: int
    completion_tokens: int = 0
    cached_tokens: int = 0
