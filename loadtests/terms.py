"""How a load is written on a command line. Rule: what can't be meant is told with an example of what can."""

from loadtests.load import Closed, Load, Open

BURST_VARIATION = 4.0
_USUAL, _LONGEST = 10.0, 600.0  # seconds
VARIATIONS = {"poisson": 1.0, "constant": 0.0, "bursts": BURST_VARIATION}


FEWEST_SPANS = 10
"""Of a second or more, before p99 can be sure. The one that is still going on does not count."""


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


def seconds(given: float | None, requests: int | None, load: Load) -> float:
    """How long a load lasts, at most where it has `requests`. Raises `UnknownTerms` for a ramp without a time."""
    if given is not None or requests is None:
        return _USUAL if given is None else given
    if isinstance(load, Closed):
        return _LONGEST
    assert isinstance(load, Open)
    if load.until is not None:
        raise UnknownTerms("--rate 50..400 with --requests needs the time that the ramp takes: give --seconds too")
    return _USUAL + 2 * requests / load.rate


def check(
    load: bool, replay: bool, search: bool, precision: float | None, seconds: float, requests: int | None = None
) -> None:
    """Whether what was said goes together: a `load` (a rate, or callers), a `replay`, a `search` for rates. Raises
    `UnknownTerms`, so that nothing that was said is passed over."""
    if requests is not None and (replay or search):
        raise UnknownTerms("--requests ends a single load: leave out --replay, --slo and --sweep")
    if load and replay:
        raise UnknownTerms("--replay has its own times: leave out --rate and --concurrency, or give --speed")
    if load and search:
        raise UnknownTerms("--slo and --sweep look for rates by themselves: leave out --rate and --concurrency")
    if precision is not None and search:
        raise UnknownTerms("--precision ends a single load: leave out --slo and --sweep")
    if precision is not None and not replay and seconds <= FEWEST_SPANS + 1:
        raise UnknownTerms(
            f"--precision is first judged after {FEWEST_SPANS + 1} s: give the longest it may last, as in --seconds 60"
        )


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
