import asyncio
import gc

import pytest

from serving.engine.single_flight import SingleFlight


class Work:
    """Returns 7 when it may end."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.cancelled = False

    async def run(self) -> int:
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return 7


async def test_all_that_wait_have_the_one_result() -> None:
    flights, work = SingleFlight[int](), Work()
    flight = flights.start("key", work.run())
    waiting = [asyncio.create_task(flight.ends(None)) for _ in range(3)]
    await asyncio.sleep(0)
    assert flights.find("key") is flight
    assert flights.find("other") is None
    work.may_end.set()
    assert await asyncio.gather(*waiting) == [True, True, True]
    assert flight.result() == 7
    assert [flight.claim() for _ in range(3)] == [True, False, False]
    assert flights.find("key") is None, "who comes now starts it anew"
    assert repr(flights) == "<SingleFlight 0 under way>"


async def test_it_goes_on_without_whoever_asked_first() -> None:
    flights, work = SingleFlight[int](), Work()
    flight = flights.start("key", work.run())
    first, second = (asyncio.create_task(flight.ends(None)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    assert flight.is_awaited
    work.may_end.set()
    assert await second
    assert flight.result() == 7


async def test_it_is_cancelled_when_nobody_waits_any_more_and_found_no_more() -> None:
    flights, work = SingleFlight[int](), Work()
    flight = flights.start("key", work.run())
    waiting = [asyncio.create_task(flight.ends(None)) for _ in range(2)]
    await asyncio.sleep(0)
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert flights.find("key") is None, "at once: it is about to end"
    again = flights.start("key", Work().run())
    waiting = [asyncio.create_task(again.ends(None))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.cancelled
    assert flights.find("key") is again, "the first one's end takes only itself away"
    waiting[0].cancel()


async def test_who_waits_no_longer_than_so_many_seconds_is_told() -> None:
    flights, work = SingleFlight[int](), Work()
    flight = flights.start("key", work.run())
    patient = asyncio.create_task(flight.ends(None))
    assert not await flight.ends(0.001)
    assert flight.is_awaited
    work.may_end.set()
    assert await patient
    assert flight.result() == 7


async def test_a_failure_is_everybodys_and_not_reported_when_nobody_is_left() -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reports.append(context))

    async def fail() -> int:
        raise ValueError("no")

    flights = SingleFlight[int]()
    flight = flights.start("key", fail())
    waiting = [asyncio.create_task(flight.ends(None)) for _ in range(2)]
    assert await asyncio.gather(*waiting) == [True, True]
    for _ in range(2):
        with pytest.raises(ValueError, match="no"):
            flight.result()
    flight = flights.start("key", fail())
    left = asyncio.create_task(flight.ends(None))
    await asyncio.sleep(0)
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    del flight
    gc.collect()
    assert not reports
