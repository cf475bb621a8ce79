import asyncio
import time

import pytest

from loadtests.departure_timer import Alarm, _LoopTimer, alarm


@pytest.mark.parametrize("make", [alarm, _LoopTimer])
async def test_it_rings_once_and_not_before_its_time(make: type[_LoopTimer]) -> None:
    rung: asyncio.Queue[float] = asyncio.Queue()
    one: Alarm = make(asyncio.get_running_loop(), lambda: rung.put_nowait(time.monotonic()))
    for wait in (0.02, 0.0, -5.0):
        due = time.monotonic() + wait
        one.set(due)
        assert await rung.get() >= due - 1e-3
    await asyncio.sleep(0.01)
    assert rung.empty()
    one.close()


async def test_it_can_be_put_off() -> None:
    rung: asyncio.Queue[float] = asyncio.Queue()
    one = alarm(asyncio.get_running_loop(), lambda: rung.put_nowait(time.monotonic()))
    begin = time.monotonic()
    one.set(begin + 0.01)
    one.set(begin + 0.05)
    assert await rung.get() >= begin + 0.05 - 1e-3
    one.close()
