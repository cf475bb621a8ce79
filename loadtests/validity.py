"""Whether a run says anything about the server. Rule: a generator that was late or busy says so itself."""

from collections.abc import Iterator
from urllib.parse import urlsplit

from loadtests.outcomes import Fate
from loadtests.result import Result
from loadtests.tally import Tally

LARGEST_SLIP = 0.01
"""In objectives: 1 % of the latency that is asked for."""
_SLIP_THAT_IS_FINE = 1e-3  # seconds, where no objective is set
_SLIP_TO_MENTION, _LARGEST_SLIP_IN_LATENCIES = 0.1, 0.5
"""Without an objective. Latency counts from when a request was due, so that slip makes the server look worse and never
better; where it is half of what was measured, the figure is the generator's."""
_BUSIEST = 0.8  # of a processor
_FEWEST = 1000  # requests; of fewer, p99 is the matter of less than ten
_OWN = ("localhost", "::1")


def faults(tally: Tally, objective: float | None, busy: float, closed: bool) -> Iterator[str]:
    """Why nothing can be concluded. `objective` in seconds; `busy` is the share of a processor that the busiest process
    of the generator used."""
    if not tally.requests:
        yield "no request was sent"
        return
    if tally.fates[Fate.LOST] == tally.requests:
        yield "no request reached a server: every connection failed"
        return
    if not closed:
        yield from _slip(tally, objective)
    if tally.fates[Fate.UNSENT]:
        yield (
            f"{tally.fates[Fate.UNSENT]} requests were not sent: too many were under way, or this machine had no more "
            "connections"
        )
    if closed and busy > _BUSIEST:
        yield (
            f"the generator was busy for {busy:.0%} of a processor, so it may be what limits the throughput: "
            "use more --processes or another machine"
        )


def _slip(tally: Tally, objective: float | None) -> Iterator[str]:
    slip = tally.slip.percentile(99)
    allowed = max(_SLIP_THAT_IS_FINE, _LARGEST_SLIP_IN_LATENCIES * tally.latency.percentile(99))
    words = "1 ms or half of the latency at p99"
    if objective is not None:
        allowed, words = LARGEST_SLIP * objective, "1 % of the objective"
    if slip > allowed:
        yield (
            f"requests left {slip * 1e3:.2f} ms late at p99, and {allowed * 1e3:.2f} ms ({words}) are allowed: "
            "send less, use more --processes, or another machine than the server's"
        )


def notes(result: Result) -> Iterator[str]:
    """What to bear in mind where something can be concluded."""
    if result.load["kind"] == "closed":
        yield (
            "callers who wait for their answers hide how long a stall lasts for those who come meanwhile: "
            "for latency use --rate"
        )
    elif result.slip.p99 > max(_SLIP_THAT_IS_FINE * 1e3, _SLIP_TO_MENTION * result.latency.p99):
        yield (
            f"requests left {result.slip.p99:.2f} ms late at p99, which is part of the latency: "
            "the server's own is lower"
        )
    if 0 < result.latency.count < _FEWEST:
        yield f"p99 rests on {result.latency.count} requests; from {_FEWEST} on it is more than a few of them"
    if _is_own(result.url):
        yield "the server ran on the generator's own machine, so that each slowed the other down"
    load, cores = result.machine.get("load", 0.0), result.machine.get("cores", 1)
    if load > cores:
        yield f"the generator's machine was busy when it began: a load average of {load:g} on {cores} processors"


def _is_own(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    return host in _OWN or host.startswith("127.")
