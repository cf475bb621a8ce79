"""What a request takes of its caller's time beside waiting and running: being read, and its answer on its way out.

Rule: it is taken from when a batch may end, so that an answer that is planned for the last moment is not late; never
more than a tenth of what the caller gives.
"""

import time

from serving.scheduling.usual import Usual, of_share

_USUAL = 0.99
_BOTH_WAYS = 2
"""What can't be seen, the time until a request is read, is about what it takes to send one: both wait for the loop."""


class Delivery:
    """For the event loop's thread."""

    def __init__(self) -> None:
        self._seconds = Usual(of_share(_USUAL))

    def __repr__(self) -> str:
        return f"<Delivery {self._seconds.value * 1000:.1f} ms>"

    def note(self, ended: float) -> None:
        """Now the answers of a batch that ended then, in seconds of the monotonic clock, are on their way."""
        self._seconds.note(time.monotonic() - ended)

    def without(self, seconds: float) -> float:
        """What is left of a caller's time for the rest."""
        return seconds - min(_BOTH_WAYS * self._seconds.value, seconds / 10)
