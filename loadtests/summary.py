"""A tally in the figures that people read. Rule: percentiles come from merged histograms."""

from loadtests.histogram import Histogram
from loadtests.interval import interval
from loadtests.result import Latencies, Moment
from loadtests.tally import Span, Tally


def latencies(histogram: Histogram, spans: list[Histogram] | None = None) -> Latencies:
    """In milliseconds; with the latencies of single spans of time an interval for p99."""
    found = interval(spans, 99) if spans else None
    return Latencies(
        count=len(histogram),
        mean=_ms(histogram.mean),
        **{name: _ms(histogram.percentile(percent)) for name, percent in _PERCENTILES.items()},
        maximum=_ms(histogram.maximum),
        histogram=histogram.encoded(),
        p99_interval=(_ms(found[0]), _ms(found[1])) if found else None,
    )


_PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}


def moments(tally: Tally) -> tuple[Moment, ...]:
    return tuple(_moment(index * tally.span, span) for index, span in sorted(tally.spans.items()))


def _moment(at: float, span: Span) -> Moment:
    return Moment(
        at=round(at, 6),
        p50=_ms(span.latency.percentile(50)),
        p90=_ms(span.latency.percentile(90)),
        p99=_ms(span.latency.percentile(99)),
        maximum=_ms(span.latency.maximum),
        fates={str(fate): count for fate, count in span.fates.items()},
        histogram=span.latency.encoded(),
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)
