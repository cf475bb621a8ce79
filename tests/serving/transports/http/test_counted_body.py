import pytest

from serving.transports.held_memory import HeldMemory
from serving.transports.http.counted_body import CountedBody
from serving.transports.http.tensor_request import LargeBody


@pytest.fixture
def memory() -> HeldMemory:
    memory = HeldMemory(100)
    memory.take(8)
    return memory


@pytest.fixture
def body(memory: HeldMemory) -> CountedBody:
    return CountedBody(LargeBody(memoryview(bytearray(8))), 8, memory)


def test_its_memory_is_given_back_with_its_content(memory: HeldMemory, body: CountedBody) -> None:
    body.append(b"1234")
    body.append(b"5678")
    assert memory.held == 8
    assert bytes(body.whole()) == b"12345678"
    assert memory.held == 0
    assert body.so_far() == b"12345678"  # for another way, where this one did not take it
    assert memory.held == 0


def test_one_that_never_came_to_its_end_is_given_back_too(memory: HeldMemory, body: CountedBody) -> None:
    body.append(b"12")
    body.drop()
    assert memory.held == 0
