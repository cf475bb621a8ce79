import pytest

from loadtests.clients.event_times import EventTimes

CHAT = (
    b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "a"}}]}\n\n',
    b'data: {"choices": [{"delta": {"content": "b"}}]}\n\n',
    b"data: [DONE]\n\n",
)


def test_the_first_event_is_the_first_with_text() -> None:
    events = EventTimes()
    for second, event in enumerate(CHAT):
        assert not events.feed(event, float(second))
    reply = events.reply(200)
    assert (reply.status, reply.first, reply.tokens, reply.gaps) == (200, 1.0, 2, (1.0,))


@pytest.mark.parametrize("size", [1, 7, 1000])
def test_it_does_not_matter_how_the_bytes_come(size: int) -> None:
    stream = b"".join(CHAT).replace(b"\n", b"\r\n")
    events = EventTimes()
    for begin in range(0, len(stream), size):
        events.feed(stream[begin : begin + size], float(begin))
    assert events.reply(200).tokens == 2


def test_an_error_in_a_stream_is_a_failure() -> None:
    events = EventTimes()
    events.feed(CHAT[1], 1.0)
    events.feed(b'data: {"error": {"message": "the model broke"}}\n\n', 2.0)
    reply = events.reply(200)
    assert reply.status == 500
    assert "the model broke" in reply.message


def test_who_hangs_up_has_had_enough() -> None:
    events = EventTimes(hang_up_after=1)
    assert [events.feed(event, 0.0) for event in CHAT[:2]] == [False, True]
