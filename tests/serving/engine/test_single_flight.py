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
    flights, work, again = SingleFlight[int](), Work(), Work()
    flight, found = flights.start("key", work.run()), []

    async def leave_and_come_back() -> bool:
        try:
            return await flight.ends(None)
        except asyncio.CancelledError:
            found.append(flights.find("key"))
            found.append(flights.start("key", again.run()))
            return await found[1].ends(None)

    waiting = asyncio.create_task(leave_and_come_back())
    await asyncio.sleep(0)
    waiting.cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    assert work.cancelled
    assert found[0] is None, "nobody may join what is about to end"
    assert flights.find("key") is found[1], "its end takes only itself away"
    again.may_end.set()
    assert await waiting
    assert not again.cancelled


async def test_what_has_ended_is_found_no_more_even_before_those_that_waited_know_it() -> None:
    flights, found = SingleFlight[int](), []

    async def work() -> int:
        asyncio.get_running_loop().call_soon(lambda: found.append(flights.find("key")))
        return 7

    assert await flights.start("key", work()).ends(None)
    assert found == [None]


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
    may_fail = asyncio.Event()

    async def fail_later() -> int:
        await may_fail.wait()
        raise ValueError("no")

    flight = flights.start("key", fail_later())
    left = asyncio.create_task(flight.ends(None))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    may_fail.set()
    left.cancel()
    await asyncio.gather(left, return_exceptions=True)
    assert left.cancelled()
    del left, flight
    await asyncio.sleep(0)
    gc.collect()
    assert not reports
