"""When requests arrive at all replicas together. Rule: what can't be meant is told with what can."""

from pathlib import Path

from loadtests import terms
from loadtests.load import Open, departures
from loadtests.trace_file import TraceFileWrong, read_trace

_MOST = 5_000_000
"""Requests; a million take half a minute or more."""


LEAST = 60.0  # seconds


class WrongTraffic(ValueError):
    """The text says what was expected."""


def arriving(rate: str | None, arrivals: str, seconds: float, replay: Path | None, speed: float = 1.0) -> list[float]:
    """In order, in seconds from the first moment. Raises `WrongTraffic`."""
    if (rate is None) == (replay is None):
        raise WrongTraffic("traffic is either --rate, as in 200..2000 for a ramp, or --replay FILE")
    return _replayed(replay, speed) if replay is not None else _made(str(rate), arrivals, seconds)


def _made(rate: str, arrivals: str, seconds: float) -> list[float]:
    load = terms.load(rate, None, arrivals)
    assert isinstance(load, Open)
    _check(seconds * max(load.rate, load.last), "--rate times --seconds")
    times = list(departures(load, seconds, seed=0))
    if not times:
        raise WrongTraffic(f"--rate {rate} is so little that nothing comes in {seconds:g} s: give more --seconds")
    return times


def _replayed(path: Path, speed: float) -> list[float]:
    try:
        requests = read_trace(path).requests
    except TraceFileWrong as error:
        raise WrongTraffic(str(error)) from None
    except OSError as error:
        raise WrongTraffic(f"--replay {path} can't be read: {error.strerror}") from None
    if not requests:
        raise WrongTraffic(f"--replay {path} holds no request: record some traffic first")
    _check(len(requests), f"--replay {path}")
    times = [(request.at - requests[0].at) / speed for request in requests]
    if times[-1] < LEAST:
        raise WrongTraffic(
            f"--replay {path} is over in {times[-1]:.3g} s, and in less than {LEAST:g} s nothing is scaled"
        )
    return times


def _check(count: float, what: str) -> None:
    if count > _MOST:
        raise WrongTraffic(f"{what}: at most {_MOST:,} requests are simulated, got {count:,.0f}; give fewer")
