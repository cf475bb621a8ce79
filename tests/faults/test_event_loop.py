"""The event loop of a server held up for real, by code that blocks on its thread."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.asking import ask, output, row
from tests.faults.trials import Trials
from tests.running_server import RunningServer, until

SECONDS = 2.8


def blocking_call() -> None:
    time.sleep(SECONDS)


def test_a_loop_that_stands_still_is_told_with_where_and_all_are_answered_afterwards(
    server: RunningServer, caplog: pytest.LogCaptureFixture, trials: Trials
) -> None:
    before = server.metric("slipway_event_loop_stalls_total") or 0
    server.loop.call_soon_threadsafe(blocking_call)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: ask(server, "double", row()), range(8)))
    assert [output(reply, "y")[0] for reply in replies] == [2.0] * 8
    until(lambda: server.metric("slipway_event_loop_stalls_total") == before + 1)
    (told,) = [message for message in caplog.messages if "stands still" in message]
    assert "in blocking_call\n    time.sleep(SECONDS)" in told
    assert [message for message in caplog.messages if message.startswith("the event loop goes on")]
    trials.note("the event loop held up for 2.8 s", len(replies), "nothing; requests waited")
