"""How a load is written on a command line. Rule: what can't be meant is told with an example of what can."""

from loadtests.load import Closed, Load, Open

BURST_VARIATION = 4.0
VARIATIONS = {"poisson": 1.0, "constant": 0.0, "bursts": BURST_VARIATION}


class UnknownTerms(ValueError):
    """What was written is no load."""


def load(rate: str | None, concurrency: int | None, arrivals: str) -> Load:
    """Raises `UnknownTerms`. Without anything said a single caller."""
    if rate is not None and concurrency is not None:
        raise UnknownTerms(
            "--rate and --concurrency exclude each other: requests leave at a rate, or as callers return"
        )
    if rate is None:
        return Closed(concurrency or 1)
    if arrivals not in VARIATIONS:
        raise UnknownTerms(f"--arrivals is one of {', '.join(VARIATIONS)}, not '{arrivals}'")
    first, dots, last = rate.partition("..")
    return Open(_rate(first), _rate(last) if dots else None, VARIATIONS[arrivals])


def _rate(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0 < rate < 1e6:
        raise UnknownTerms(f"--rate is requests a second, as in 200, or 50..400 for a ramp; not '{text}'")
    return rate


def header(line: str) -> tuple[str, str]:
    """Raises `UnknownTerms` for what is no header line."""
    name, colon, value = line.partition(":")
    if not colon or not name.strip() or not line.isprintable():
        raise UnknownTerms(f"--header is a name and a value, as in 'Authorization: Bearer KEY'; not '{line[:80]}'")
    return name.strip(), value.strip()


def peak(text: str | None, slo: list[str] | None) -> float | None:
    """Requests a second, as in 5000rps. Raises `UnknownTerms` also where no objective says what they need."""
    if text is None:
        return None
    if not slo:
        raise UnknownTerms("--plan needs to know what has to be held: give --slo, as in --slo 'p99<50ms'")
    return _rate(text.removesuffix("rps"))
