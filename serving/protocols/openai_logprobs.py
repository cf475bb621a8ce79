"""The probabilities of tokens, in the two forms that OpenAI's API has.

Rule: what is impossible has -9999, as OpenAI writes it, since JSON has no infinities.
"""

from collections.abc import Sequence
from typing import Any

from serving.core.text_output import TokenLogprob, TopLogprob

_IMPOSSIBLE = -9999.0


def of_completion(tokens: Sequence[TokenLogprob], offset: int = 0) -> dict[str, Any]:
    """`offset` is how many characters of the answer come before."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += characters(token.raw)
    return {
        "text_offset": offsets,
        "token_logprobs": [_finite(token.logprob) for token in tokens],
        "tokens": [token.text for token in tokens],
        "top_logprobs": [_by_text(token) for token in tokens],
    }


def of_chat(tokens: Sequence[TokenLogprob]) -> dict[str, Any]:
    return {"content": [{**_of(token), "top_logprobs": [_of(top) for top in token.top]} for token in tokens]}


def characters(raw: bytes) -> int:
    """That begin in a token's bytes: a character of several tokens is its first one's."""
    return len(raw) if raw.isascii() else sum(byte & 0xC0 != 0x80 for byte in raw)


def _by_text(token: TokenLogprob) -> dict[str, float]:
    """The token that was chosen is there even where it is none of the likeliest."""
    found = {token.text: _finite(token.logprob)}
    for top in token.top:
        found.setdefault(top.text, _finite(top.logprob))
    return found


def _of(token: TokenLogprob | TopLogprob) -> dict[str, Any]:
    return {"token": token.text, "logprob": _finite(token.logprob), "bytes": list(token.raw)}


def _finite(logprob: float) -> float:
    return max(logprob, _IMPOSSIBLE) if logprob == logprob else _IMPOSSIBLE
