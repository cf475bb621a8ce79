"""When requests leave: at random times, at a mean rate, evenly or in bursts.

Rule: the same seed gives the same times, so that what is compared meets the same load.
"""

from itertools import accumulate
from random import Random

MAX_SLIP = 0.005
"""Seconds by which the 99th percentile may leave late before a run says nothing about the server."""


def departures(rate: float, seconds: float, seed: int, variation: float = 1.0) -> list[float]:
    """`rate * seconds` times in [0, seconds), in order.

    `variation` is that of the gaps, their standard deviation in means: 1 gives a Poisson process, more than 1 gives
    bursts (gaps of a gamma distribution).
    """
    random, shape = Random(seed), variation**-2
    count = max(1, round(rate * seconds))
    times = list(accumulate(random.gammavariate(shape, 1.0) for _ in range(count + 1)))
    return [time * seconds / times[-1] for time in times[:-1]]
