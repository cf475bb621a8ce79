import asyncio
import time

import pytest

from serving.loop_delay import LoopDelay
from serving.loop_watchdog import LoopWatchdog
from tests.running_server import until


async def test_it_tells_once_where_the_loop_stands(caplog: pytest.LogCaptureFixture) -> None:
    delay = LoopDelay()
    watchdog = LoopWatchdog(delay)

    def careless() -> None:
        until(lambda: caplog.records)
        time.sleep(0.7)  # in which it looks again

    careless()
    while not delay.stalls:
        await asyncio.sleep(0.01)
    watchdog.stop()
    delay.stop()
    (told, over) = [record.getMessage() for record in caplog.records]
    assert told.startswith("the event loop stands still for ")
    assert "in careless\n    until(lambda: caplog.records)" in told
    assert over.startswith("the event loop goes on; it stood still for ")
    assert delay.stalls == 1
