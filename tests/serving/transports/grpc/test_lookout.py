"""Who asks alone, among the calls of all connections."""

import asyncio

from serving.transports.grpc.lookout import Lookout


async def test_a_call_is_alone_where_no_other_is_unanswered() -> None:
    lookout, loop = Lookout(), asyncio.get_running_loop()
    lookout.asked()
    assert not lookout.asked()
    assert repr(lookout) == "<Lookout 2 unanswered>"
    lookout.answered(loop)
    lookout.answered(loop)
    assert repr(lookout) == "<Lookout 0 unanswered>"
    await asyncio.sleep(0)
