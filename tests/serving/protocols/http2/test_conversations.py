"""Conversations at random with another library's client, which raises where a rule is broken."""

from h2.events import ConnectionTerminated
from h2.settings import SettingCodes
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.protocols.http2.events import Asked, Dropped, Piece
from serving.protocols.http2.frames import Code
from tests.serving.protocols.http2.talk import HEAD, TRAILERS, bytes_of, talk


class Ledger:
    """What both say, by stream, and what is heard of it."""

    def __init__(self) -> None:
        self.talk = talk()
        self.talk.is_slow = True
        self.asked: dict[int, bytes] = {}  # of requests that go on
        self.heard: dict[int, bytes] = {}  # of all
        self.answers: dict[int, bytes] = {}  # of replies that go on
        self.answered: dict[int, bytes] = {}  # of those that ended

    def settle(self) -> None:
        for event in self.talk.go_on():
            if isinstance(event, Asked):
                self.heard[event.stream] = b""
            elif isinstance(event, Piece):
                self.heard[event.stream] += event.data
                self.talk.server.taken(event.stream, len(event.data))
            elif isinstance(event, Dropped):
                del self.answers[event.stream]
        assert all(self.heard[stream] == body for stream, body in self.asked.items())

    def ask(self, _: int, __: int) -> None:
        stream = self.talk.ask()
        self.asked[stream], self.answers[stream] = b"", b""

    def upload(self, stream: int, size: int) -> None:
        if stream in self.asked:
            body = bytes_of(size)
            rest = self.talk.upload(stream, body)
            self.asked[stream] += body[: size - len(rest)]

    def end_of_request(self, stream: int, _: int) -> None:
        if stream in self.asked:
            self.talk.client.end_stream(stream)
            self.settle()
            del self.asked[stream]

    def give_up(self, stream: int, _: int) -> None:
        if stream in self.answers:
            self.talk.client.reset_stream(stream)
            self.asked.pop(stream, None)

    def answer(self, stream: int, size: int) -> None:
        if stream in self.answers:
            if not self.answers[stream]:
                self.talk.server.head(stream, HEAD)
            piece = b"(" + bytes_of(size)
            self.answers[stream] += piece
            self.talk.server.send(stream, piece)

    def end_of_answer(self, stream: int, _: int) -> None:
        if self.answers.get(stream):
            self.talk.server.send(stream, b"", TRAILERS)
            self.answered[stream] = self.answers.pop(stream)
            self.asked.pop(stream, None)

    def whole_answer(self, stream: int, size: int) -> None:
        if self.answers.get(stream) == b"":
            self.answered[stream] = bytes_of(size)
            self.talk.server.reply(stream, HEAD, bytes_of(size), TRAILERS)
            del self.answers[stream]
            self.asked.pop(stream, None)

    def reset(self, stream: int, _: int) -> None:
        if self.answers.pop(stream, None) is not None:
            self.talk.server.reset(stream, Code.CANCEL)
            self.asked.pop(stream, None)

    def read(self, _: int, __: int) -> None:
        self.talk.is_slow = not self.talk.is_slow

    def window(self, _: int, size: int) -> None:
        self.talk.client.increment_flow_control_window(size + 1)

    def first_window(self, _: int, size: int) -> None:
        self.talk.client.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: size})


STEPS = (
    *(Ledger.ask, Ledger.upload, Ledger.end_of_request, Ledger.give_up, Ledger.answer, Ledger.end_of_answer),
    *(Ledger.whole_answer, Ledger.reset, Ledger.read, Ledger.window, Ledger.first_window),
)


@settings(max_examples=100)
@given(
    st.lists(
        st.tuples(st.sampled_from(STEPS), st.sampled_from([1, 3, 5, 7]), st.integers(0, 60_000)),
        min_size=15,
        max_size=50,
    )
)
def test_whatever_both_do_what_is_said_is_what_is_heard(steps: list[tuple[object, int, int]]) -> None:
    ledger = Ledger()
    for _ in range(3):
        ledger.ask(0, 0)
    ledger.settle()
    for step, stream, size in steps:
        step(ledger, stream, size)
        ledger.settle()
    ledger.first_window(0, 2**24)
    ledger.window(0, 2**24)
    ledger.settle()
    assert {stream: ledger.talk.came(stream) for stream in ledger.answered} == ledger.answered
    assert all("StreamEnded" in ledger.talk.kinds(stream) for stream in ledger.answered)
    assert ledger.talk.server.streams == len(ledger.answers)
    assert not [each for each in ledger.talk.heard if isinstance(each, ConnectionTerminated)]
