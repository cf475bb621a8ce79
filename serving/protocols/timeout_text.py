"""How long a caller will wait, as its `X-Request-Timeout-Ms` says. Rule: pure; what says nothing sensible is None."""


def seconds_of(text: str) -> float | None:
    """`text` is a number of milliseconds above 0."""
    try:
        milliseconds = float(text)
    except ValueError:
        return None
    return milliseconds / 1000 if 0 < milliseconds <= 1e12 else None  # NaN compares false
