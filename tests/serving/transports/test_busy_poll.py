import asyncio

import pytest

from serving.transports.busy_poll import BusyPoll, Rhythm

SOON, LATER = 100e-6, 1e-3  # seconds from an answer to the next request


def steady(rhythm: Rhythm, requests: int, after: float, now: float = 0.0) -> float:
    """So many of one caller, who asks again so long after each answer; when the last was answered."""
    for _ in range(requests):
        rhythm.asked(now)
        rhythm.answered(now + 50e-6)
        now += 50e-6 + after
    return now - after


def test_whoever_asks_again_at_once_is_looked_out_for_and_not_for_long() -> None:
    rhythm = Rhythm()
    answered = steady(rhythm, 20, SOON)
    assert answered < rhythm.looks_out_until() < answered + LATER


@pytest.mark.parametrize("requests", [1, 5, 1000])
def test_whoever_takes_a_while_is_not(requests: int) -> None:
    rhythm = Rhythm()
    assert steady(rhythm, requests, LATER) > rhythm.looks_out_until()


def test_several_callers_are_not() -> None:
    rhythm = Rhythm()
    now = steady(rhythm, 20, SOON)
    for _ in range(20):
        rhythm.asked(now + SOON)
        rhythm.asked(now + SOON)
        rhythm.answered(now + SOON)
        rhythm.answered(now + SOON)
        now += SOON
    assert rhythm.looks_out_until() < now


def test_after_one_that_was_in_vain_it_takes_many_until_the_next() -> None:
    rhythm = Rhythm()
    now = steady(rhythm, 20, SOON)
    rhythm.was_in_vain()
    waited = 0
    while rhythm.looks_out_until() < now:
        now = steady(rhythm, 1, SOON, now + SOON)
        waited += 1
    assert waited > 20


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def call(poll: BusyPoll, clock: Clock, times: int) -> None:
    for _ in range(times):
        clock.now += SOON
        poll.asked()
        poll.answered(asyncio.get_running_loop(), is_idle=True)


async def test_it_looks_until_the_next_request_or_until_its_time_is_over() -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    call(poll, clock, 20)
    for _ in range(10):
        await asyncio.sleep(0)
        assert repr(poll) == "<BusyPoll looks out>"
    poll.asked()
    await asyncio.sleep(0)
    assert repr(poll) == "<BusyPoll sleeps>"
    poll.answered(asyncio.get_running_loop(), is_idle=True)
    assert repr(poll) == "<BusyPoll looks out>"
    clock.now += LATER
    await asyncio.sleep(0)
    assert repr(poll) == "<BusyPoll sleeps>"
    call(poll, clock, 20)
    assert repr(poll) == "<BusyPoll sleeps>", "the last look-out was in vain"
    call(poll, clock, 20)
    assert repr(poll) == "<BusyPoll looks out>"


async def test_while_others_wait_for_an_answer_it_sleeps() -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    call(poll, clock, 20)
    poll.asked()
    await asyncio.sleep(0)
    poll.answered(asyncio.get_running_loop(), is_idle=False)
    assert repr(poll) == "<BusyPoll sleeps>"


async def test_who_asks_after_a_turn_in_which_nobody_did_is_lone() -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    call(poll, clock, 20)
    for _ in range(3):
        await asyncio.sleep(0)
        assert poll.asked()
        poll.answered(asyncio.get_running_loop(), is_idle=True)


async def test_the_second_one_of_a_turn_is_not_lone_though_the_first_has_its_answer() -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    call(poll, clock, 20)
    await asyncio.sleep(0)
    assert poll.asked()
    poll.answered(asyncio.get_running_loop(), is_idle=True)
    assert not poll.asked()


@pytest.mark.parametrize("callers", [2, 3, 8])
async def test_of_several_who_ask_at_once_and_wait_nobody_is_lone(callers: int) -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    for _ in range(20):
        clock.now += SOON
        await asyncio.sleep(0)
        assert [poll.asked() for _ in range(callers)] == [False] * callers
        for waiting in reversed(range(callers)):
            poll.answered(asyncio.get_running_loop(), is_idle=waiting == 0)


async def test_nobody_is_lone_before_there_is_a_rhythm_or_after_one_who_took_a_while() -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    found = []
    for after in [*[SOON] * 12, LATER, SOON, SOON]:
        clock.now += after
        found.append(poll.asked())
        poll.answered(asyncio.get_running_loop(), is_idle=True)
        await asyncio.sleep(0)
    assert found == [False] * 9 + [True] * 4 + [False] * 2, "the one that took a while was still looked out for"


async def test_who_asks_while_another_waits_is_not_lone() -> None:
    clock = Clock()
    poll = BusyPoll(clock)
    call(poll, clock, 20)
    await asyncio.sleep(0)
    assert poll.asked()
    for _ in range(3):
        await asyncio.sleep(0)
        assert not poll.asked()
