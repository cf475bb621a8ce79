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


USAGE = b'data: {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 5}}\n\n'


def test_tokens_are_those_that_the_server_counted() -> None:
    events = EventTimes()
    for event in (*CHAT[:3], USAGE, CHAT[3]):
        events.feed(event, 1.0)
    reply = events.reply(200)
    assert (reply.tokens, len(reply.gaps)) == (5, 1)


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (b'{"choices":[{"delta":{},"finish_reason":"stop"}]}', False),
        (b'{"choices":[{"delta":{"content":"z"},"finish_reason":"length"}]}', True),
        (b'{"choices": [{"delta": {"content": ""}, "finish_reason": null}], "usage": null}', True),
        (b'{"choices": [{"text": "", "finish_reason": "stop"}]}', False),
        (b'{"text_output": "an \\"error\\" and a \\"finish_reason\\""}', True),
        (b'{"error": ""}', True),
        (b"no JSON", True),
    ],
)
def test_an_event_that_only_says_that_it_is_over_is_none(event: bytes, counts: bool) -> None:
    events = EventTimes()
    events.feed(CHAT[1], 1.0)
    events.feed(b"data: " + event + b"\n\n", 2.0)
    assert events.reply(200).tokens == 1 + counts


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "tool_calls"])
def test_what_is_thought_or_called_is_an_event_as_well(name: str) -> None:
    events = EventTimes()
    events.feed(f'data: {{"choices": [{{"delta": {{"{name}": ["x"]}}}}]}}\n\n'.encode(), 1.0)
    assert events.reply(200).first == 1.0


def test_an_error_may_say_its_status() -> None:
    events = EventTimes()
    events.feed(b'data: {"error": {"message": "busy", "code": 429}}\n\n', 1.0)
    assert (events.reply(200).status, events.reply(200).message) == (429, "busy")
