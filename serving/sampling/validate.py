"""What a request may ask of a sampler, whichever protocol carried it. Rule: the first thing wrong is named, with what
was expected and what came; what would be ignored in silence is refused too.
"""

from collections.abc import Iterator
from math import inf

from serving.core.brief import brief
from serving.core.generation import MAX_LOGPROBS, MAX_STOP_CHARACTERS, MAX_STOPS, SamplingParams
from serving.errors import InvalidInput

_SEEDS = (-(2**63), 2**64 - 1)
_MOST_TOKENS = 1024  # they are looked at for each of n answers
_BIAS = 100.0
_BOUNDS: dict[str, tuple[float, float]] = {
    "min_tokens": (0, inf),
    "temperature": (0.0, inf),
    "top_k": (-1, inf),
    "top_p": (0.0, 1.0),
    "min_p": (0.0, 1.0),
    "repetition_penalty": (0.0, 1000.0),
    "presence_penalty": (-2.0, 2.0),
    "frequency_penalty": (-2.0, 2.0),
}
_OPTIONAL_BOUNDS: dict[str, tuple[float, float]] = {
    "max_tokens": (1, inf),
    "seed": _SEEDS,
    "logprobs": (0, MAX_LOGPROBS),
}


def check(params: SamplingParams, vocab_size: int, max_length: int, prompt_length: int) -> None:
    """Raises `InvalidInput`. `max_length` is of the context, prompt and answer. That `max_tokens` fit is for others to
    check, who know what is to be done about it."""
    for error in _errors(params, vocab_size, max_length - prompt_length):
        raise error


def _errors(params: SamplingParams, vocab_size: int, room: int) -> Iterator[InvalidInput]:
    for name, bounds in _BOUNDS.items():
        yield from _outside(name, getattr(params, name), bounds)
    for name, bounds in _OPTIONAL_BOUNDS.items():
        if getattr(params, name) is not None:
            yield from _outside(name, getattr(params, name), bounds)
    if params.repetition_penalty == 0:
        yield _wrong("repetition_penalty", "more than 0, and 1 for no penalty", "0")
    longest = room if params.max_tokens is None else params.max_tokens
    if params.min_tokens > longest:
        yield _wrong("min_tokens", f"at most the {longest} tokens that the answer may have", brief(params.min_tokens))
    yield from _of_stops(params)
    yield from _of_tokens(params, vocab_size)


def _outside(name: str, value: float, bounds: tuple[float, float]) -> Iterator[InvalidInput]:
    least, most = bounds
    if not (least <= value <= most and value != inf):  # whole numbers may be larger than any other
        expected = f"a finite number from {least:g}" if most == inf else f"from {_plain(least)} to {_plain(most)}"
        yield _wrong(name, expected, brief(value))


def _of_stops(params: SamplingParams) -> Iterator[InvalidInput]:
    if len(params.stop) > MAX_STOPS:
        yield _wrong("stop", f"at most {MAX_STOPS} strings", str(len(params.stop)))
    if not all(params.stop):
        yield _wrong("stop", "without empty strings", "one")
    if (characters := sum(map(len, params.stop))) > MAX_STOP_CHARACTERS:
        yield _wrong("stop", f"at most {MAX_STOP_CHARACTERS} characters in all", str(characters))


def _of_tokens(params: SamplingParams, vocab_size: int) -> Iterator[InvalidInput]:
    for name, tokens in (("stop_token_ids", params.stop_token_ids), ("logit_bias", params.logit_bias)):
        if len(tokens) > _MOST_TOKENS:
            yield _wrong(name, f"at most {_MOST_TOKENS} tokens", str(len(tokens)))
        for token in tokens:
            if not 0 <= token < vocab_size:
                yield _wrong(name, f"tokens from 0 to {vocab_size - 1}, which the model knows", brief(token))
    for token, bias in params.logit_bias.items():
        if not -_BIAS <= bias <= _BIAS:
            yield _wrong("logit_bias", f"from {-_BIAS:g} to {_BIAS:g} for each token", f"{brief(bias)} for {token}")


def _plain(bound: float) -> str:
    return str(bound) if isinstance(bound, int) else f"{bound:g}"


def _wrong(name: str, expected: str, came: str) -> InvalidInput:
    return InvalidInput(f"'{name}' must be {expected}; got {came}", name, "invalid_value")
