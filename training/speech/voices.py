"""Who speaks made sentences: eSpeak NG where it is installed, or else a formant synthesiser.

Rule: the same sentences in the same order sound the same.
"""

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from training.errors import InvalidConfig
from training.speech import espeak
from training.speech.formants import Formants
from training.speech.sentence import Sentence

KINDS = ("auto", "espeak", "formants")


class Voices(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def speakers(self) -> tuple[str, ...]: ...

    def say(self, sentences: Sequence[Sentence], sample_rate: int) -> Iterator[np.ndarray]:
        """Of each, float32 [samples], -1 to 1."""


def find(kind: str) -> Voices:
    """Raises `InvalidConfig`."""
    if kind not in KINDS:
        raise InvalidConfig(f"data.voices must be one of {', '.join(KINDS)}, got '{kind}'")
    found = espeak.find() if kind != "formants" else None
    if kind == "espeak" and found is None:
        raise InvalidConfig(
            "data.voices is 'espeak', which is not installed: pip install 'slipway-serving[voices]', or leave it 'auto'"
        )
    return found or Formants()
