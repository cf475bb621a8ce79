"""How `slipway serve` ends, as whoever started the process sees it. Rule: docs/operations.md says the same in words."""

from enum import IntEnum


class ExitCode(IntEnum):
    STOPPED = 0
    """As it was asked to, also where something took too long and was cut off."""
    UNEXPECTED = 1
    MISUSED = 2
    """What was chosen is no option, no value for it, or needs what is not installed."""
    NO_REPOSITORY = 3
    NO_PORT = 4
    MODEL_FAILED = 5
    NO_GPU = 6
    NO_FILE = 7
    """That it has to write."""
    SECOND_SIGNAL = 130
