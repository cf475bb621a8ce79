"""Whether a run says anything about the server. Rule: a generator that was late or busy says so itself."""

from collections.abc import Iterator

from loadtests.outcomes import Fate
from loadtests.tally import Tally

LARGEST_SLIP = 0.01
"""In objectives: 1 % of the latency that is asked for."""
_SLIP_THAT_IS_FINE = 1e-3  # seconds, where no objective is set
_BUSIEST = 0.8  # of a processor


def faults(tally: Tally, objective: float | None, busy: float, closed: bool) -> Iterator[str]:
    """Why nothing can be concluded. `objective` in seconds; `busy` is the share of a processor that the busiest process
    of the generator used."""
    if not tally.requests:
        yield "no request was sent"
        return
    if not closed:
        yield from _slip(tally, objective)
    if tally.fates[Fate.UNSENT]:
        yield f"{tally.fates[Fate.UNSENT]} requests were not sent, since too many were under way"
    if closed and busy > _BUSIEST:
        yield (
            f"the generator was busy for {busy:.0%} of a processor, so it may be what limits the throughput: "
            "use more --processes or another machine"
        )


def _slip(tally: Tally, objective: float | None) -> Iterator[str]:
    slip = tally.slip.percentile(99)
    allowed = max(_SLIP_THAT_IS_FINE, LARGEST_SLIP * tally.latency.percentile(99))
    words = "1 ms or 1 % of the latency at p99"
    if objective is not None:
        allowed, words = LARGEST_SLIP * objective, "1 % of the objective"
    if slip > allowed:
        yield (
            f"requests left {slip * 1e3:.2f} ms late at p99, and {allowed * 1e3:.2f} ms ({words}) are allowed: "
            "send less, use more --processes, or another machine than the server's"
        )
