"""Whether a soak held. Rule: pure; every reason is one line with the figures that decided it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from loadtests.scenarios.memory_slope import Slope, slope
from tests.soak import models
from tests.soak.ledger import Fate, Ledger
from tests.soak.server import Figures

Counts = Mapping[tuple[str, str], float]
"""Of a server's metrics, by name and labels."""

MOST_MB_PER_HOUR = 20.0
_SETTLES_WITHIN = 600.0
"""Seconds of load, in which pools fill; how memory grows in a shorter one says nothing of an hour."""
_SPARE_DESCRIPTORS, _SPARE_THREADS = 4, 4
"""What comes and goes by itself: a connection that is being closed, a thread of a pool that was not needed before."""
_SHARE_BUSY = 1.1
"""By how much the medians of the last quarter may be above those of the second, while callers come and go."""
_REPLIES = "slipway_http_replies_total"


@dataclass(frozen=True, slots=True)
class Seen:
    """`before` and `after` are what the server counted, `rested` and `rests` what it used while nobody asked it, before
    the load and after it; `samples` are in seconds since the load began, `kills` processes that were killed."""

    ledger: Ledger
    before: Counts
    after: Counts
    rested: Figures
    rests: Figures
    samples: Sequence[tuple[float, Figures]]
    logged: Sequence[str]
    kills: int

    @property
    def memory(self) -> Slope | None:
        return slope([(at, float(each.memory)) for at, each in self.samples])

    def grew(self, name: str, *labels: str) -> int:
        """By how much all counters of that name and with those labels."""
        return round(_sum(self.after, name, labels) - _sum(self.before, name, labels))


def reasons(seen: Seen) -> list[str]:
    """Why it did not hold; empty where it did."""
    return [*_of_ledger(seen.ledger), *_of_counters(seen), *_of_figures(seen), *_of_faults(seen)]


def _of_ledger(ledger: Ledger) -> Iterator[str]:
    if not ledger.sent:
        yield "nothing was sent"
    wrong = ledger.total(Fate.WRONG)
    if wrong:
        yield f"{wrong} requests were answered wrong or not at all"
        yield from ledger.wrong
    for kind, sent in ledger.sent.items():
        over = sum(ledger.fates[kind, fate] for fate in Fate)
        if over != sent:
            yield f"{kind.name}: {sent} were sent, and {over} are accounted for"


def _of_counters(seen: Seen) -> Iterator[str]:
    for model in seen.ledger.models:
        if model and model != models.SCALED:  # whose versions go, and their counters with them
            yield from _of_model(model, seen)
    yield from _of_http(seen)
    calls = seen.grew("slipway_grpc_calls_total", 'method="ModelInfer"', 'code="OK"')
    yield from _between("gRPC calls that ended OK", calls, seen.ledger, lambda *f: seen.ledger.of_protocol(True, *f))


def _of_model(model: str, seen: Seen) -> Iterator[str]:
    ledger, label = seen.ledger, f'model="{model}"'
    succeeded = seen.grew("nv_inference_request_success", label)
    failed = seen.grew("nv_inference_request_failure", label)
    left = seen.grew("nv_inference_request_failure", label, 'reason="CANCELED"')
    yield from _between(
        f"{model}: requests that the server answered", succeeded, ledger, lambda *f: ledger.of_model(model, *f)
    )
    told = ledger.of_model(model, Fate.REFUSED, Fate.FAILED)
    if failed - left != told:
        yield f"{model}: the server counts {failed - left} failures, and its clients were told of {told}"
    gone = ledger.of_model(model, Fate.LEFT)
    if left > gone:
        yield f"{model}: the server counts {left} whose client left, and {gone} did"


def _between(what: str, counted: int, ledger: Ledger, clients: Callable[..., int]) -> Iterator[str]:
    """As many as clients had, and perhaps those who left."""
    right, left = clients(Fate.RIGHT), clients(Fate.LEFT)
    if not right <= counted <= right + left:
        yield f"{what}: the server counts {counted}, its clients {right}{f' to {right + left}' if left else ''}"


def _of_http(seen: Seen) -> Iterator[str]:
    ledger = seen.ledger
    left, told = ledger.of_protocol(False, Fate.LEFT), 0
    for status, fate in (("200", Fate.RIGHT), ("503", Fate.REFUSED), ("500", Fate.FAILED)):
        counted = seen.grew(_REPLIES, f'code="{status}"')
        known = ledger.of_protocol(False, fate)
        may_be_of_others = left if fate is Fate.RIGHT else 0
        told += counted
        if not known <= counted <= known + may_be_of_others:
            words = f" and {may_be_of_others} who left" if may_be_of_others else ""
            yield f"HTTP replies {status}: the server counts {counted}, its clients {known}{words}"
    others = seen.grew(_REPLIES) - told
    if others > left:
        yield f"HTTP replies of other statuses: the server counts {others}, and {left} clients left"


def _of_figures(seen: Seen) -> Iterator[str]:
    memory = seen.memory
    is_long = bool(seen.samples) and seen.samples[-1][0] >= _SETTLES_WITHIN
    if is_long and memory is not None and memory.slope - memory.uncertainty > MOST_MB_PER_HOUR:
        yield (
            f"memory grows by {memory.slope:.1f} MB an hour, give or take {memory.uncertainty:.1f}; "
            f"{MOST_MB_PER_HOUR:g} are allowed"
        )
    for name, spare in (("descriptors", _SPARE_DESCRIPTORS), ("threads", _SPARE_THREADS)):
        rested, rests = getattr(seen.rested, name), getattr(seen.rests, name)
        if rests > rested + spare:
            yield f"{rests} {name} are left after the load, {rested} were there before it"
        earlier, later = quarter(seen.samples, 1, name), quarter(seen.samples, 3, name)
        if later > _SHARE_BUSY * earlier + spare:
            yield f"{name} rose from {earlier:g} in the load's second quarter to {later:g} in its last"


def _of_faults(seen: Seen) -> Iterator[str]:
    if not seen.kills:
        yield "no process was killed, and one should have been"
    yield from (f"the server logged: {line}" for line in seen.logged)


def quarter(samples: Sequence[tuple[float, Figures]], number: int, name: str) -> float:
    """The median of a figure in that quarter of the time, counted from 0; 0 of none."""
    if not samples:
        return 0.0
    length = samples[-1][0] / 4
    found = [getattr(each, name) for at, each in samples if number * length <= at <= (number + 1) * length]
    return float(median(found)) if found else 0.0


def _sum(counts: Counts, name: str, labels: Sequence[str]) -> float:
    return sum(
        value for (found, written), value in counts.items() if found == name and all(each in written for each in labels)
    )
