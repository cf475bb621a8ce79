import pytest

from serving.core.batching_config import QueuePolicy
from serving.errors import Overloaded
from serving.scheduling.room import Room, rooms


def test_a_full_room_lets_in_as_many_as_leave() -> None:
    room = Room(2)
    room.enter()
    room.enter()
    with pytest.raises(Overloaded, match="Exceeds maximum queue size: 2 requests are already waiting"):
        room.enter()
    room.leave()
    room.enter()
    assert repr(room) == "<Room 2 of 2>"


def test_policies_without_a_limit_share_one() -> None:
    own, first, second = rooms([QueuePolicy(max_queue_size=1), QueuePolicy(), QueuePolicy()], 2)
    first.enter()
    second.enter()
    with pytest.raises(Overloaded):
        second.enter()
    own.enter()
    with pytest.raises(Overloaded):
        own.enter()
