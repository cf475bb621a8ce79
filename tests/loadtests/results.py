"""Results of load tests as they would be of given latencies."""

from collections import Counter
from math import nan

import numpy as np

from loadtests.call import Call
from loadtests.load import Load, Open
from loadtests.outcomes import Outcomes
from loadtests.result import Result
from loadtests.run import Cost, Plan, Target, result
from loadtests.tally import Tally


def result_of(
    latencies: np.ndarray,
    refused: int = 0,
    first: np.ndarray | None = None,
    gaps: np.ndarray | None = None,
    rate: float = 100.0,
    load: Load | None = None,
) -> Result:
    """Of requests that left `rate` times a second and took so many seconds, and of some that were refused."""
    count = len(latencies) + refused
    intended = np.arange(count) / rate
    status = np.array([200] * len(latencies) + [429] * refused)
    finished = intended + np.concatenate([latencies, np.zeros(refused)])
    tally = Tally(span=1.0)
    began = intended + first if first is not None else np.full(count, nan)
    none = np.zeros(count)
    gaps = np.array([]) if gaps is None else gaps
    tally.add(Outcomes(intended, intended, began, finished, none, status, np.arange(count), gaps, Counter()))
    target = Target("http://stub", "stub", "v2", (Call("/"),))
    return result(target, Plan(load or Open(rate), count / rate), tally, Cost(), "2026-01-01T00:00:00", count / rate)
