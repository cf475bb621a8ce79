"""Both ends in one process: the model's on a thread of its own."""

import socket
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress

import numpy as np
import pytest

from serving.backends.conversation import ModelTraceback, answer_one, ask, ask_stream
from serving.backends.lane import Gone, Lane
from serving.core.requests import NO_PARAMETERS, Arrays, Parameters
from serving.errors import BackendFailed, DeadlineExceeded, InvalidInput, SlipwayError, Unsupported

X = {"x": np.arange(3, dtype=np.float32)}


class Doubling:
    """A decoupled model too: counts down from its input."""

    inputs = outputs = ()
    concurrency = 1
    reads_parameters = True

    def __init__(self) -> None:
        self.kept: list[np.ndarray] = []
        self.seen: list[Parameters] = []
        self.closed = threading.Event()
        self.error: Callable[[], BaseException] | None = None

    def run(self, inputs: Arrays, parameters: Parameters = NO_PARAMETERS, /) -> Arrays:
        self.seen.append(parameters)
        if self.error is not None:
            raise self.error()
        if parameters.get("keep"):
            self.kept.append(inputs["x"][1:])
        return {"y": inputs["x"] * 2}

    def stream(
        self, inputs: Arrays, parameters: Parameters, is_cancelled: Callable[[], bool], /
    ) -> Generator[Arrays, None, None]:
        try:
            while parameters.get("for_ever") and not is_cancelled():
                pass
            for number in range(int(inputs["x"].sum())):
                yield {"n": np.array([number]), "x": inputs["x"]}
            if self.error is not None:
                raise self.error()
        finally:
            self.closed.set()

    def close(self) -> None: ...


@contextmanager
def talking(model: Doubling) -> Iterator[Lane]:
    ours, (connection, memory) = Lane.open()
    theirs = Lane(socket.socket(fileno=connection), memory)

    def answer() -> None:
        with suppress(Gone):
            while True:
                answer_one(theirs, model)
        theirs.close()

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield ours
    finally:
        ours.close()
    thread.join(10)
    assert not thread.is_alive()


def forever() -> bool:
    return False


def test_a_request_is_answered_and_the_lane_is_used_again() -> None:
    with talking(Doubling()) as lane:
        for _ in range(3):
            assert ask(lane, X, {})["y"].tolist() == [0, 2, 4]
            assert not lane.is_spent


def test_parameters_come_as_they_are() -> None:
    model, parameters = Doubling(), {"a": True, "b": 1, "c": 1.0, "d": "ü\ud800", "e": float("inf"), "f": 2**64 - 1}
    with talking(model) as lane:
        ask(lane, X, parameters)
    assert [(name, type(value), value) for name, value in model.seen[0].items()] == [
        (name, type(value), value) for name, value in parameters.items()
    ]


class NoSuchWord(InvalidInput):
    pass


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (lambda: InvalidInput("x is odd"), InvalidInput, "x is odd"),
        (lambda: NoSuchWord("x is odd"), InvalidInput, "x is odd"),
        (lambda: Unsupported("not that"), Unsupported, "not that"),
        (lambda: DeadlineExceeded("too late"), DeadlineExceeded, "too late"),
        (lambda: BackendFailed("it broke"), BackendFailed, "it broke"),
        (lambda: ZeroDivisionError("division by zero"), BackendFailed, "ZeroDivisionError: division by zero"),
        (lambda: SystemExit(3), BackendFailed, "SystemExit: 3"),
        (lambda: FileNotFoundError(2, "Not there", "/srv/w.bin"), BackendFailed, "FileNotFoundError: Not there: w.bin"),
    ],
)
def test_what_the_model_raises_is_raised(
    error: Callable[[], BaseException], kind: type[SlipwayError], text: str
) -> None:
    model = Doubling()
    model.error = error
    with talking(model) as lane:
        with pytest.raises(SlipwayError) as raised:
            ask(lane, X, {})
        assert (type(raised.value), str(raised.value)) == (kind, text)
        assert isinstance(raised.value.__cause__, ModelTraceback)
        assert not lane.is_spent
        assert "in run" in str(raised.value.__cause__), "where it was raised is for the log"
        model.error = None
        assert ask(lane, X, {})["y"].tolist() == [0, 2, 4]


def test_inputs_that_a_model_keeps_are_not_written_over() -> None:
    model = Doubling()
    with talking(model) as lane:
        ask(lane, X, {"keep": True})
        assert lane.is_spent, "whoever asks next takes another"
    assert model.kept[0].tolist() == [1, 2]


def test_answers_of_a_decoupled_model_come_one_by_one() -> None:
    model = Doubling()
    with talking(model) as lane:
        for _ in range(2):
            answers = list(ask_stream(lane, X, {}, forever))
            assert [answer["n"].tolist() for answer in answers] == [[0], [1], [2]]
            assert all(answer["x"].tolist() == [0, 1, 2] for answer in answers)
            assert not lane.is_spent


def test_an_error_after_some_answers_is_raised_after_them() -> None:
    model = Doubling()
    model.error = lambda: InvalidInput("enough")
    with talking(model) as lane:
        answers = ask_stream(lane, X, {}, forever)
        assert len([next(answers) for _ in range(3)]) == 3
        with pytest.raises(InvalidInput, match="enough"):
            next(answers)
        assert not lane.is_spent


def test_a_caller_that_leaves_between_two_answers_closes_the_models_generator() -> None:
    model = Doubling()
    with talking(model) as lane:
        answers = ask_stream(lane, X, {}, forever)
        next(answers)
        answers.close()
        assert model.closed.is_set(), "when it returns"
        assert not lane.is_spent
        assert ask(lane, X, {})["y"].tolist() == [0, 2, 4]


def test_a_caller_that_leaves_while_the_model_computes_is_told_to_it() -> None:
    model = Doubling()
    with talking(model) as lane:
        left = iter([False, False, True])
        assert list(ask_stream(lane, {"x": np.zeros(1)}, {"for_ever": True}, lambda: next(left))) == []
        assert model.closed.is_set()
        assert ask(lane, X, {})["y"].tolist() == [0, 2, 4], "the word to stop is not taken for a request"


def test_nobody_at_the_other_end_is_said() -> None:
    ours, (connection, memory) = Lane.open()
    Lane(socket.socket(fileno=connection), memory).close()
    with pytest.raises(Gone):
        ask(ours, X, {})
    assert ours.is_spent
    with pytest.raises(Gone):
        list(ask_stream(ours, X, {}, forever))
    ours.close()
