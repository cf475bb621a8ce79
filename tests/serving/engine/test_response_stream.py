import asyncio
import threading

import numpy as np

from serving.engine import response_stream
from serving.engine.response_stream import ResponseStream


async def test_responses_come_out_in_order_and_then_the_end() -> None:
    stream = ResponseStream(asyncio.get_running_loop())
    await asyncio.to_thread(lambda: [stream.emit({"n": np.array(n)}) for n in range(5)])
    asyncio.get_running_loop().call_soon(stream.end)
    found = []
    while (outputs := await stream.next()) is not None:
        found.append(int(outputs["n"]))
    assert found == [0, 1, 2, 3, 4]


async def test_a_model_waits_for_a_caller_that_reads_slowly_but_not_for_one_that_went_away() -> None:
    stream = ResponseStream(asyncio.get_running_loop())
    sent, reached = [0], threading.Event()

    def emit_for_ever() -> None:
        while not stream.cancelled:
            stream.emit({})
            sent[0] += 1
            if sent[0] == response_stream._UNREAD:
                reached.set()

    emitting = asyncio.create_task(asyncio.to_thread(emit_for_ever))
    assert await asyncio.to_thread(reached.wait, 30)
    assert sent[0] == response_stream._UNREAD
    await stream.next()
    stream.cancelled = True
    await asyncio.wait_for(emitting, 30)
    assert sent[0] <= response_stream._UNREAD + 2
