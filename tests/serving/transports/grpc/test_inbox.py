import pytest

from serving.protocols.grpc_wire import RESOURCE_EXHAUSTED, Messages, Refused, prefixed
from serving.transports.grpc.inbox import Inbox
from serving.transports.held_memory import HeldMemory

SMALL, LARGE = prefixed(b"abc"), prefixed(bytes(40_000))


def inbox(limit: float = 1e9) -> tuple[Inbox, HeldMemory]:
    memory = HeldMemory(limit)
    return Inbox(Messages("identity", -1), memory), memory


def test_messages_come_out_as_they_came() -> None:
    some, _ = inbox()
    some.put(SMALL + LARGE[:100])
    assert (len(some), some.is_amid, repr(some)) == (1, True, "<Inbox 1 messages>")
    some.put(LARGE[100:])
    assert not some.is_amid
    assert [some.next().data for _ in range(len(some))] == [b"abc", bytes(40_000)]


def test_what_is_still_coming_is_held_and_what_is_read_is_not() -> None:
    some, memory = inbox()
    some.put(SMALL)
    assert memory.held == 0
    some.put(LARGE[:30_000])
    assert memory.held > 30_000
    some.put(LARGE[30_000:] + LARGE)
    assert memory.held > 80_000
    some.next()
    some.next()
    assert 40_000 < memory.held < 50_000
    some.end()
    assert (memory.held, len(some)) == (0, 0)


def test_what_there_is_no_memory_for_is_refused() -> None:
    some, memory = inbox(limit=50_000)
    memory.take(30_000)
    with pytest.raises(Refused, match="--queue-byte-size") as refused:
        some.put(LARGE)
    assert refused.value.code == RESOURCE_EXHAUSTED
    some.end()
    assert memory.held == 30_000


def test_messages_of_nothing_take_room_too() -> None:
    some, _ = inbox()
    data = prefixed(b"") * 5000
    some.put(data)
    assert some.room(2**20) == 0
    for _ in range(1000):
        some.next()
    assert some.room(2**20) == len(data)
    assert some.room(2**20) == 0
