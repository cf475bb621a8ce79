import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from serving.backends import tensor_layout
from serving.backends.lane import Gone, Lane
from tests import shared_files

Pair = tuple[Lane, Lane]


@pytest.fixture
def lanes() -> Iterator[Pair]:
    """Both ends, in one process."""
    ours, (connection, memory) = Lane.open()
    theirs = Lane(socket.socket(fileno=connection), memory)
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_message_and_its_tensors_come_to_the_other_end(lanes: Pair) -> None:
    ours, theirs = lanes
    ours.send({"what": "run"}, ours.write({"x": np.arange(5), "text": np.array([b"", b"ab"], object)}))
    message = theirs.receive()
    found = theirs.copies(message.tensors)
    assert message.head["what"] == "run"
    assert {name: array.tolist() for name, array in found.items()} == {"x": [0, 1, 2, 3, 4], "text": [b"", b"ab"]}


def test_an_answer_lies_behind_what_was_asked_and_either_end_makes_room(lanes: Pair) -> None:
    ours, theirs = lanes
    ours.send({}, ours.write({"x": np.full(100_000, 1.0)}))
    asked = theirs.receive()
    inputs = tensor_layout.read(asked.tensors, theirs.memory(asked.tensors))
    theirs.send({}, theirs.write({"y": inputs["x"] + 1, "z": np.full(1_000_000, 3.0)}, behind=asked.tensors))
    outputs = ours.copies(ours.receive().tensors)
    assert inputs["x"].sum() == 100_000
    assert (outputs["y"].sum(), outputs["z"].sum()) == (200_000, 3_000_000)


def test_copies_are_their_own_memory(lanes: Pair) -> None:
    ours, _ = lanes
    copy = ours.copies(ours.write({"x": np.array([1.0])}))["x"]
    ours.write({"x": np.array([2.0])})
    assert copy.tolist() == [1.0]


def test_a_long_message_arrives_whole(lanes: Pair) -> None:
    ours, theirs = lanes
    sending = threading.Thread(target=ours.send, args=[{"parameters": {"text": "ä" * 1_000_000}}])
    sending.start()
    assert theirs.receive().head["parameters"]["text"] == "ä" * 1_000_000
    sending.join()


@pytest.mark.parametrize("end", [Lane.hang_up, lambda lane: lane._connection.close()])
def test_whoever_waits_for_a_message_is_told_that_nobody_is_there(lanes: Pair, end: object) -> None:
    ours, theirs = lanes
    assert not ours.has_message()
    end(theirs)  # type: ignore[operator]
    assert ours.has_message(seconds=10)
    with pytest.raises(Gone):
        ours.receive()
    with pytest.raises(Gone):
        ours.send({})


def test_one_end_can_wake_its_own_thread(lanes: Pair) -> None:
    ours, _ = lanes
    found: list[type[BaseException]] = []

    def wait() -> None:
        try:
            ours.receive()
        except Gone as error:
            found.append(type(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    ours.hang_up()
    waiting.join(10)
    assert found == [Gone]


def test_neither_end_can_take_memory_away(lanes: Pair) -> None:
    _, theirs = lanes
    with pytest.raises(PermissionError):
        os.ftruncate(theirs._memory._descriptor, 0)


def test_the_memory_has_no_name_and_goes_with_both_ends() -> None:
    shared, descriptors = shared_files.files(), len(list(Path("/proc/self/fd").iterdir()))
    ours, (connection, memory) = Lane.open()
    theirs = Lane(socket.socket(fileno=connection), memory)
    ours.write({"x": np.zeros(1_000_000)})
    shared_files.none_stays(shared)
    ours.close()
    theirs.close()
    assert len(list(Path("/proc/self/fd").iterdir())) <= descriptors
