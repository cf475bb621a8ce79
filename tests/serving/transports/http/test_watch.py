import asyncio
from math import inf

import pytest

from serving.transports.http.watch import (
    LEAST_RATE,
    ConnectionLimits,
    Progress,
    Watch,
    in_whole_numbers,
    is_too_slow,
)

LIMITS = ConnectionLimits(inf, 10, 30)
ENOUGH = 30 * LEAST_RATE


@pytest.mark.parametrize(
    ("before", "now", "late"),
    [
        (Progress(1, False, 5), Progress(1, False, 60_000), True),  # a head must come, however long it is
        (Progress(1, False, 5), Progress(1, True, 100), False),
        (Progress(1, False, 5), Progress(2, False, 5), False),
        (Progress(1, True, 100), Progress(1, True, 100 + ENOUGH), False),
        (Progress(1, True, 100), Progress(1, True, 99 + ENOUGH), True),
        (Progress(1, True, 100), Progress(2, True, 100), False),
        (Progress(1, True, 100), Progress(2, False, 100), False),
    ],
)
def test_who_moves_at_least_at_that_rate_is_given_time(before: Progress, now: Progress, late: bool) -> None:
    assert is_too_slow(before, now, LIMITS) is late


async def test_it_looks_until_there_is_nothing_to_wait_for() -> None:
    left = [Progress(1, False, 0), Progress(1, True, 0), Progress(2, False, 0)]
    looked, told = asyncio.Event(), []

    def progress() -> Progress | None:
        if left:
            return left.pop(0)
        looked.set()
        return None

    watch = Watch(asyncio.get_running_loop(), ConnectionLimits(inf, 0.001, 0.001), progress, told.append)
    watch.begin()
    watch.begin()
    await asyncio.wait_for(looked.wait(), 30)
    watch.begin()
    watch.end()
    assert not told


async def test_it_tells_once_and_not_after_its_end() -> None:
    told: asyncio.Queue[Progress] = asyncio.Queue()
    late = Progress(7, False, 3)
    limits = ConnectionLimits(inf, 0.01, 0.01)
    ended = Watch(asyncio.get_running_loop(), limits, lambda: Progress(8, False, 3), told.put_nowait)
    ended.begin()
    ended.end()
    Watch(asyncio.get_running_loop(), limits, lambda: late, told.put_nowait).begin()
    assert await asyncio.wait_for(told.get(), 30) is late
    await asyncio.sleep(0.03)
    assert told.empty()


def test_a_process_is_told_in_whole_numbers() -> None:
    assert in_whole_numbers(ConnectionLimits(8, 0.25, 30)) == (8, 250, 30_000)
