"""Texts as a model's own tokens, or tokens that are to be its own. Rule: said with OpenAI's `param`, before anything
runs."""

from serving.engine.served_model import ServedModel
from serving.errors import ContextTooLong, InvalidInput

Tokens = tuple[int, ...]


def read(model: ServedModel, text: str | Tokens, truncate: int | None, param: str, special: bool = True) -> Tokens:
    """By a model that has a tokenizer. `truncate` is how many tokens of the text the caller wants read, -1 for as many
    as the model can. Raises `InvalidInput`, `ContextTooLong`."""
    assert model.tokenizer is not None
    tokenizer = model.tokenizer
    longest = tokenizer.model_max_length
    most = _most(truncate, longest, tokenizer.cuts)
    tokens = tokenizer.encode(text, special, most) if isinstance(text, str) else text[:most]
    if longest and len(tokens) > longest:
        words = f"This model's maximum context length is {longest} tokens, got {len(tokens)}"
        raise ContextTooLong(f"{words}; 'truncate_prompt_tokens' -1 leaves out the end", param)
    check(tokens, tokenizer.vocab_size, param)
    return tokens


def check(tokens: Tokens, vocab_size: int, param: str) -> None:
    """Raises `InvalidInput`."""
    if not tokens:
        raise InvalidInput(f"'{param}' must have at least one token", param, "invalid_value")
    if max(tokens) >= vocab_size:
        words = f"'{param}' must have tokens from 0 to {vocab_size - 1}, which the model knows, got {max(tokens)}"
        raise InvalidInput(words, param, "invalid_value")


def _most(asked: int | None, longest: int | None, cuts: bool) -> int | None:
    """How many tokens of each text are read, None for all: what was asked, -1 for as many as the model can, which is
    also as many as one reads that `cuts` by itself."""
    if asked is None or asked < 0:
        return longest if cuts or asked is not None else None
    return min(asked, longest) if cuts and longest else asked
