"""What is to be said, by whom and how."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sentence:
    """`speed` is 1 for the usual one; `pitch`, 0 to 1, is how high within what suits the speaker."""

    speaker: str
    text: str
    speed: float = 1.0
    pitch: float = 0.5
