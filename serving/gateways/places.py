"""Who has which part of a piece of memory. Rule: the lowest part that fits, so that little of it is ever touched."""

from serving.gateways.frames import Place

_PAGE = 4096  # bytes; parts begin on one


class Places:
    """Belongs to the one who writes there."""

    def __init__(self, memory: Place) -> None:
        self._memory = memory
        self._taken: list[Place] = []  # by offset

    def __len__(self) -> int:
        return len(self._taken)

    def take(self, size: int) -> Place | None:
        """None where there is no room."""
        free = self._memory.offset
        for index, taken in enumerate([*self._taken, Place(self._memory.offset + self._memory.size, 0)]):
            if taken.offset - free >= size:
                place = Place(free, size)
                self._taken.insert(index, place)
                return place
            free = -(-(taken.offset + taken.size) // _PAGE) * _PAGE
        return None

    def free(self, place: Place) -> None:
        """Once."""
        self._taken.remove(place)
