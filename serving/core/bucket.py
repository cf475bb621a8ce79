"""How often something may happen: so many at once, and so many a second in the long run. Time is an argument."""


class Bucket:
    def __init__(self, most: float, per_second: float, now: float) -> None:
        self._most = self._left = most
        self._per_second = per_second
        self._seen = now

    def __repr__(self) -> str:
        return f"<Bucket {self._left:.0f} of {self._most:.0f} left>"

    def take(self, now: float, cost: float = 1) -> bool:
        """Whether one more may happen, which counts as `cost`."""
        self._left = min(self._most, self._left + (now - self._seen) * self._per_second)
        self._seen = now
        if self._left < cost:
            return False
        self._left -= cost
        return True

    def wait(self) -> float:
        """Seconds from the latest `take` until one more may happen, after it did not."""
        return (1 - self._left) / self._per_second

    def give_back(self) -> None:
        """What one took, which did not happen."""
        self._left += 1
