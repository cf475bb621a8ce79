import random
from itertools import pairwise

from serving.gateways.frames import Place
from serving.gateways.places import Places

START, SIZE = 1 << 20, 1 << 20


def test_places_never_overlap_and_all_comes_back() -> None:
    chance, places = random.Random(1), Places(Place(START, SIZE))
    taken: list[Place] = []
    for _ in range(5000):
        if chance.random() < 0.5 and (place := places.take(chance.randrange(1, SIZE // 4))):
            taken.append(place)
        elif taken:
            places.free(taken.pop(chance.randrange(len(taken))))
        ends = sorted((place.offset, place.offset + place.size) for place in taken)
        assert all(end <= start for (_, end), (start, _) in pairwise(ends))
        assert all(start >= START and end <= START + SIZE for start, end in ends)
        assert len(places) == len(taken)
    for place in taken:
        places.free(place)
    assert places.take(SIZE) == Place(START, SIZE)


def test_the_lowest_part_that_fits_is_taken() -> None:
    places = Places(Place(0, SIZE))
    first, second, third = (places.take(5000) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    places.free(first)
    places.free(second)
    assert places.take(9000) == Place(0, 9000)


def test_where_there_is_no_room_there_is_none() -> None:
    places = Places(Place(0, SIZE))
    assert places.take(SIZE + 1) is None
    assert places.take(SIZE) is not None
    assert places.take(1) is None
