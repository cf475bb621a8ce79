"""When a process that ended is started again, and why it ended, in words.

Rule: the first time at once; one that ends again soon after its start has to wait, each time twice as long.
"""

import signal
from dataclasses import dataclass

LONGEST = 30.0  # seconds that it has to wait at most
_SHORTEST = 0.5
_MOST = 5  # ends in a row, after which nobody believes in the next start
_LONG_LIVED = 60.0  # seconds after which a start was a good one

_CRASHES = {signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE, signal.SIGABRT}


@dataclass(frozen=True, slots=True)
class Restarts:
    """`in_a_row` ended soon, or could not be started."""

    in_a_row: int = 0

    def after(self, lived: float) -> "Restarts":
        """One more ended, so many seconds after its start."""
        return Restarts(1 if lived >= _LONG_LIVED else self.in_a_row + 1)

    @property
    def are_in_vain(self) -> bool:
        return self.in_a_row >= _MOST

    @property
    def delay(self) -> float:
        """Seconds until the next start."""
        return 0.0 if self.in_a_row <= 1 else min(LONGEST, _SHORTEST * 2.0 ** min(self.in_a_row - 2, 10))


def how_it_ended(code: int) -> str:
    """`code` is the exit status, or a signal's number, negative."""
    if code >= 0:
        return f"ended by itself (exit code {code})"
    try:
        number = signal.Signals(-code)
    except ValueError:  # a real-time signal
        return f"was ended by signal {-code}"
    if number == signal.SIGKILL:
        return "was killed (SIGKILL), perhaps for want of memory"
    return f"{'crashed' if number in _CRASHES else 'was ended by a signal'} ({number.name})"
