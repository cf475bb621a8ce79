"""What an autoscaler should hold.

Rule: by Little's law, requests in flight are their rate times how long each is there.
"""

import numpy as np

from loadtests.autoscaling.replica import Service
from loadtests.autoscaling.scraped import Signal
from loadtests.autoscaling.simulation import alone

_REQUESTS = 5000


def targets(service: Service, capacity: float, share: float) -> dict[Signal, float]:
    """For each replica, at that share of its capacity; what the chart is given as requestsPerSecondPerReplica and
    requestsInFlightPerReplica."""
    rate = share * capacity
    waits = alone(service, rate, _REQUESTS / rate)
    inside = float(np.mean(waits[np.isfinite(waits)])) - service.overhead
    return {Signal.PER_SECOND: rate, Signal.IN_FLIGHT: rate * inside}
