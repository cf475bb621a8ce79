import asyncio
import threading

import pytest

from serving.engine.own_thread import in_own_thread


async def test_what_it_returns_and_what_it_raises() -> None:
    assert await in_own_thread(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_own_thread(divmod, 7, 0)
    with pytest.raises(RuntimeError, match="ended with SystemExit"):
        await in_own_thread(exit, 3)


async def test_any_number_may_be_stuck_and_none_keeps_another_waiting() -> None:
    go = threading.Event()
    stuck = [in_own_thread(go.wait, 60) for _ in range(40)]
    assert await asyncio.wait_for(in_own_thread(lambda: "done"), 10) == "done"
    stuck[0].cancel()
    go.set()
    assert await asyncio.gather(*stuck[1:]) == [True] * 39
