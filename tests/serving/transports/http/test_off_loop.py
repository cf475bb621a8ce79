import threading

import pytest

from serving.errors import InvalidInput
from serving.transports.http.off_loop import LARGE, off_loop_if_large


@pytest.mark.parametrize(("size", "on_the_loop"), [(0, True), (LARGE - 1, True), (LARGE, False)])
async def test_only_large_work_leaves_the_event_loops_thread(size: int, on_the_loop: bool) -> None:
    thread = await off_loop_if_large(size, threading.current_thread)
    assert (thread is threading.current_thread()) is on_the_loop


@pytest.mark.parametrize("size", [1, LARGE])
async def test_what_the_work_raises_is_raised_here(size: int) -> None:
    def refuse() -> None:
        raise InvalidInput("no")

    with pytest.raises(InvalidInput, match="no"):
        await off_loop_if_large(size, refuse)
