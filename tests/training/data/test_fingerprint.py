import numpy as np

from training.data.fingerprint import fingerprint

NUMBERS = np.arange(6)


def test_it_is_of_numbers_shapes_order_and_what_is_beside() -> None:
    one = fingerprint([NUMBERS, NUMBERS * 2], "a")

    assert one == fingerprint(iter([NUMBERS.copy(), NUMBERS * 2]), "a")
    others = [
        fingerprint([NUMBERS * 2, NUMBERS], "a"),
        fingerprint([NUMBERS.reshape(2, 3), NUMBERS * 2], "a"),
        fingerprint([NUMBERS, NUMBERS * 2], "b"),
        fingerprint([NUMBERS, NUMBERS * 2]),
    ]
    assert len({one, *others}) == 5
    assert len(one) == 64
