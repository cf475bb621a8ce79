import numpy as np
import pytest

from serving.errors import OutOfMemory
from serving.transports.held_memory import Held, HeldMemory, size_of


def test_what_fits_is_taken_and_what_does_not_is_refused_before_it_is() -> None:
    memory = HeldMemory(100)
    assert memory.takes(60)
    assert not memory.takes(41)
    assert memory.held == 60
    with pytest.raises(OutOfMemory, match=r"60 bytes wait .* this one has 41; .* at most 100, .*--queue-byte-size"):
        memory.take(41)
    memory.take(40)
    memory.give(60)
    assert memory.takes(60)
    assert repr(memory) == "<HeldMemory 100 of 100>"


def test_one_that_is_alone_is_let_in_whatever_its_size() -> None:
    memory = HeldMemory(100)
    memory.is_scarce = True
    assert memory.takes(1000)
    assert not memory.takes(1)
    assert memory.takes(0)


def test_while_memory_is_scarce_nobody_else_is_let_in() -> None:
    memory = HeldMemory(100)
    memory.take(1)
    memory.is_scarce = True
    with pytest.raises(OutOfMemory, match="hardly any memory left"):
        memory.take(1)
    memory.is_scarce = False
    memory.take(1)


def test_a_request_grows_and_all_of_it_is_given_back() -> None:
    memory = HeldMemory(100)
    alone = Held(memory)
    alone.grow(60)
    with alone.more(500):  # nobody else has any
        assert memory.held == 560
    other = Held(memory)
    other.grow(20)
    with pytest.raises(OutOfMemory):
        alone.grow(21)
    with pytest.raises(OutOfMemory), other.more(21):
        pass
    alone.end()
    other.end()
    alone.end()
    assert memory.held == 0


def test_it_is_given_back_after_a_failure_too() -> None:
    memory = HeldMemory(100)
    with pytest.raises(ValueError, match="no"), memory.holding(70):
        raise ValueError("no")
    assert memory.held == 0


def test_texts_are_as_large_as_what_they_say() -> None:
    texts = np.array([b"12345", b"1"], object)
    assert size_of({"a": np.zeros((2, 4), np.float32)}) == 32
    assert size_of({"a": texts, "b": np.zeros(3, np.int8)}) == texts.nbytes + 6 + 3


def test_what_a_request_holds_may_be_more_and_less() -> None:
    memory = HeldMemory(100)
    memory.take(20)
    held = Held(memory)
    held.be(60)
    held.be(60)
    assert memory.held == 80
    with pytest.raises(OutOfMemory):
        held.be(90)
    held.be(10)
    assert (memory.held, held.size) == (30, 10)
    held.end()
    assert memory.held == 20


def test_beside_it_there_is_as_much_again() -> None:
    memory = HeldMemory(100)
    other = memory.beside()
    other.take(100)
    memory.take(60)
    assert not other.takes(1)
    assert not memory.takes(60)
