import asyncio

import pytest

from serving.core.generation import FinishReason, Token
from serving.engine.text_stream import Delta, TextStream
from serving.errors import BackendFailed


async def test_a_reader_gets_what_is_new_each_time() -> None:
    stream = TextStream(asyncio.get_running_loop())
    reading = asyncio.create_task(stream.next())
    await asyncio.sleep(0)
    stream.put(Delta("a", (Token(1),)))
    assert await reading == Delta("a", (Token(1),))
    assert not stream.is_over
    stream.put(Delta("b", (Token(2),), FinishReason.STOP, "b!"))
    assert (await stream.next()).finish_reason is FinishReason.STOP
    assert stream.is_over
    assert stream.completion_tokens == 2


async def test_a_slow_reader_gets_all_of_it_at_once() -> None:
    stream = TextStream(asyncio.get_running_loop())
    for number in range(5):
        stream.put(Delta(str(number), (Token(number),)))
    stream.put(Delta("", (), FinishReason.LENGTH))
    tokens = tuple(Token(number) for number in range(5))
    assert await stream.next() == Delta("01234", tokens, FinishReason.LENGTH)


async def test_what_was_written_before_a_failure_is_read_before_it() -> None:
    stream = TextStream(asyncio.get_running_loop())
    stream.put(Delta("a", (Token(1),)))
    stream.fail(BackendFailed("no more"))
    assert (await stream.next()).text == "a"
    with pytest.raises(BackendFailed, match="no more"):
        await stream.next()
    assert stream.is_over
