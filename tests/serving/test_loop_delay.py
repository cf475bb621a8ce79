import asyncio
import time

from serving.loop_delay import LoopDelay


async def test_what_holds_the_loop_up_is_seen() -> None:
    delay = LoopDelay()
    time.sleep(0.4)
    while not delay.seconds.cumulative()[-1]:
        await asyncio.sleep(0.01)
    delay.stop()
    assert delay.seconds.sum >= 0.3, "it was to look after 0.1 s"


async def test_it_goes_on_until_it_is_stopped() -> None:
    delay = LoopDelay()
    while delay.seconds.cumulative()[-1] < 2:
        await asyncio.sleep(0.01)
    delay.stop()
    before = delay.seconds.cumulative()
    await asyncio.sleep(0.25)
    assert delay.seconds.cumulative() == before
