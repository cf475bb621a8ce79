"""The event loop of a server held up for real, by code that blocks on its thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.asking import ask, output, row
from tests.faults.trials import Trials
from tests.running_server import RunningServer, until


def test_a_loop_that_stands_still_is_told_with_where_and_all_are_answered_afterwards(
    server: RunningServer, caplog: pytest.LogCaptureFixture, trials: Trials
) -> None:
    before = server.metric("slipway_event_loop_stalls_total") or 0

    def told_of() -> list[str]:
        return [message for message in caplog.messages if "stands still" in message]

    def blocking_call() -> None:
        until(told_of)

    server.loop.call_soon_threadsafe(blocking_call)
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: ask(server, "double", row()), range(8)))
    assert [output(reply, "y")[0] for reply in replies] == [2.0] * 8
    until(lambda: server.metric("slipway_event_loop_stalls_total") == before + 1)
    (told,) = told_of()
    assert "in blocking_call\n    until(told_of)" in told
    assert [message for message in caplog.messages if message.startswith("the event loop goes on")]
    trials.note("the event loop held up for more than 2 s", len(replies), "nothing; requests waited")
