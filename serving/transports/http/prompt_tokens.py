"""Whether tokens are a model's own. Rule: said with OpenAI's `param`, before anything runs."""

from serving.errors import InvalidInput


def check(tokens: tuple[int, ...], vocab_size: int, param: str) -> None:
    """Raises `InvalidInput`."""
    if not tokens:
        raise InvalidInput(f"'{param}' must have at least one token", param, "invalid_value")
    if max(tokens) >= vocab_size:
        words = f"'{param}' must have tokens from 0 to {vocab_size - 1}, which the model knows, got {max(tokens)}"
        raise InvalidInput(words, param, "invalid_value")
