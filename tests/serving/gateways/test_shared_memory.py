import os

import pytest

from serving.gateways import shared_memory
from serving.gateways.frames import Place
from serving.gateways.shared_memory import HALF, SharedMemory


def test_both_sides_see_the_same_and_take_from_their_own_half() -> None:
    descriptor = shared_memory.create()
    one, other = SharedMemory(os.dup(descriptor), is_gateway=True), SharedMemory(descriptor, is_gateway=False)
    first, second = one.ours.take(5), other.ours.take(5)
    assert (first, second) == (Place(0, 5), Place(HALF, 5))
    one.view(Place(0, 5))[:] = b"hello"
    view = other.view(Place(0, 5))
    assert bytes(view) == b"hello"
    one.close()
    other.close()
    assert bytes(view) == b"hello"


def test_nobody_can_take_it_away_from_another() -> None:
    descriptor = shared_memory.create()
    try:
        with pytest.raises(PermissionError):
            os.ftruncate(descriptor, 10)
    finally:
        os.close(descriptor)
