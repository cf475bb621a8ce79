import time
from math import inf

import pytest

from serving.engine.delivery import Delivery


def seen(seconds: float) -> Delivery:
    delivery = Delivery()
    for _ in range(8):
        delivery.note(time.monotonic() - seconds)
    return delivery


def test_before_anything_was_seen_all_is_left() -> None:
    assert Delivery().without(5.0) == 5.0


def test_reading_and_sending_are_taken_from_the_callers_time() -> None:
    left = seen(0.1).without(5.0)
    assert 1.0 < left <= 4.8
    assert seen(0.1).without(inf) == inf


def test_a_slow_loop_takes_no_more_than_a_tenth() -> None:
    assert seen(60.0).without(5.0) == pytest.approx(4.5)
