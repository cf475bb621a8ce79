"""What an autoscaler should hold, and with how many replicas it begins.

Rule: by Little's law, requests in flight are their rate times how long each is there.
"""

from collections.abc import Iterable
from math import ceil

import numpy as np

from loadtests.autoscaling.horizontal import Rules
from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.scraped import Signal
from loadtests.autoscaling.simulation import alone

_REQUESTS = 5000
_FIRST = 30.0  # seconds of traffic for which there are replicas when it begins


def targets(service: Service, capacity: float, share: float) -> dict[Signal, float]:
    """For each replica, at that share of its capacity; what the chart is given as requestsPerSecondPerReplica and
    requestsInFlightPerReplica."""
    rate = share * capacity
    waits = alone(service, rate, _REQUESTS / rate)
    inside = float(np.mean(waits[np.isfinite(waits)])) - service.overhead
    return {Signal.PER_SECOND: rate, Signal.IN_FLIGHT: rate * inside}


def at_first(arrivals: Iterable[float], rate: float, rules: Rules) -> int:
    """Replicas, of which each takes `rate` of the first requests."""
    begins = sum(time < _FIRST for time in arrivals) / _FIRST
    return min(rules.most, max(rules.least, ceil(begins / rate)))
