import asyncio
import time

import numpy as np
import pytest

from loadtests.call import Call
from loadtests.clients.client import Reply
from loadtests.collecting import Collecting
from loadtests.load import Closed, Load, Open, Replay, departures
from loadtests.outcomes import NOT_SENT, Outcomes
from loadtests.sending import Sender, Share

CALLS = (Call("/a"), Call("/b"))


class Slow:
    """A client whose answers take `wait` seconds."""

    def __init__(self, wait: float = 0.0) -> None:
        self._wait = wait
        self.sent: list[str] = []
        self.most = self._now = 0

    async def send(self, call: Call) -> Reply:
        self.sent.append(call.path)
        self._now += 1
        self.most = max(self.most, self._now)
        await asyncio.sleep(self._wait)
        self._now -= 1
        return Reply(200)

    async def close(self) -> None: ...


def share(load: Load, seconds: float = 0.3, most_at_once: int = 1000, index: int = 0, of: int = 1) -> Share:
    return Share(CALLS, load, time.monotonic() + 0.01, seconds, 1, index, of, most_at_once)


async def sent(one: Share, client: Slow) -> Outcomes:
    outcomes = Collecting()
    await Sender(one, client, outcomes).send()
    return outcomes.taken()


@pytest.mark.parametrize("wait", [0.0, 0.2])
async def test_requests_leave_whether_or_not_others_came_back(wait: float) -> None:
    client = Slow(wait)
    outcomes = await sent(share(Open(200)), client)
    times = list(departures(Open(200), 0.3, 1))
    np.testing.assert_allclose(np.sort(outcomes.intended), times)
    assert (outcomes.left >= outcomes.intended - 1e-3).all()
    assert ((outcomes.finished - outcomes.left) >= wait - 1e-3).all()


async def test_callers_wait_for_their_answers() -> None:
    client = Slow(0.01)
    outcomes = await sent(share(Closed(4)), client)
    assert client.most == 4
    assert 4 <= len(outcomes) <= 4 * 31
    assert (outcomes.intended <= outcomes.left).all()


async def test_each_request_is_the_one_of_its_number() -> None:
    client = Slow()
    outcomes = await sent(share(Replay((0.0, 0.01, 0.02)), index=1, of=2), client)
    assert outcomes.number.tolist() == [1]
    assert client.sent == ["/b"]


async def test_too_many_at_once_are_not_sent_and_told() -> None:
    outcomes = await sent(share(Open(500), most_at_once=3), Slow(1.0))
    assert sorted(outcomes.status)[-3:] == [200, 200, 200]
    assert set(outcomes.status[outcomes.status != 200]) == {NOT_SENT}
    assert outcomes.messages == {"3 requests were already under way": len(outcomes) - 3}


@pytest.mark.parametrize("load", [Closed(2), Open(100), Replay((0.0, 50.0))])
async def test_a_load_can_be_stopped_and_what_is_under_way_is_waited_for(load: Load) -> None:
    client, outcomes = Slow(0.05), Collecting()
    sender = Sender(share(load, seconds=60), client, outcomes)
    sending = asyncio.create_task(sender.send())
    await asyncio.sleep(0.03)
    sender.stop()
    await asyncio.wait_for(sending, 10)
    taken = outcomes.taken()
    assert len(taken) == len(client.sent) > 0
    assert (taken.status == 200).all()
