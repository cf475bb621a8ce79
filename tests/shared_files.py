"""Files in the machine's shared memory, where other processes, such as the other half of the suite, have theirs."""

from pathlib import Path

from tests.running_server import until


def files() -> set[Path]:
    return set(Path("/dev/shm").iterdir())


def none_stays(before: set[Path]) -> None:
    """Of those that came since; what others have there for a moment goes."""
    more = files() - before
    until(lambda: not more & files(), f"{more} stay")
