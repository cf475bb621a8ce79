"""How much one caller may ask: so many requests per second, and so many at a time.

Rule: moments are arguments, in seconds of one clock. A token bucket: what was not used waits, up to a second's worth.
"""

from serving.core.bucket import Bucket

_SOON = 1.0  # seconds, until it may be tried again where all slots are taken: nobody knows when one will be free


class Allowance:
    """Of one key. Without a `rate` any number of requests per second, without a `concurrency` any number at a time."""

    def __init__(self, rate: float | None, concurrency: int | None) -> None:
        self._bucket = None if rate is None else Bucket(max(1.0, rate), rate, 0.0)
        self._concurrency = concurrency
        self.running = 0

    def __repr__(self) -> str:
        return f"<Allowance {self._bucket}, {self.running} running>"

    def enter(self, now: float) -> float:
        """0 lets a request in, which leaves by `leave`; else the seconds after which it may try again."""
        if self._concurrency is not None and self.running >= self._concurrency:
            return _SOON
        if wait := self.take(now):
            return wait
        self.running += 1
        return 0.0

    def leave(self) -> None:
        self.running -= 1

    def undo(self) -> None:
        """An `enter`: it comes again, by another way."""
        self.running -= 1
        if self._bucket is not None:
            self._bucket.give_back()

    def take(self, now: float) -> float:
        """The same for one more message of a request that is in."""
        return 0.0 if self._bucket is None or self._bucket.take(now) else self._bucket.wait()
