"""eSpeak NG, a speech synthesiser that knows many accents and throats.

Rule: it runs in a process of its own, a new one each time, as how it sounds depends on all that it said before.
"""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass

import numpy as np
import orjson
import soxr

from training.speech.sentence import Sentence

_ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc", "en-029")
_THROATS = (
    *("", "+m1", "+m2", "+m3", "+m4", "+m5", "+m6", "+m7", "+m8", "+f1", "+f2", "+f3", "+f4", "+f5"),
    *("+klatt", "+klatt2", "+klatt3", "+Alex", "+Andy", "+Annie", "+adam", "+belinda", "+edward", "+linda"),
    *("+max", "+Michael", "+steph"),
)


@dataclass(frozen=True, slots=True)
class Espeak:
    speakers: tuple[str, ...]
    name = "eSpeak NG"

    def say(self, sentences: Sequence[Sentence], sample_rate: int) -> Iterator[np.ndarray]:
        said = memoryview(_asked(list(map(astuple, sentences))))
        while said:
            rate, count = np.frombuffer(said[:8], np.int32).tolist()
            samples = np.frombuffer(said[8 : 8 + 2 * count], np.int16).astype(np.float32) / 2**15
            yield soxr.resample(samples, rate, sample_rate)
            said = said[8 + 2 * count :]


def find() -> Espeak | None:
    """None where it is not installed, or has none of the accents."""
    names = [f"{accent}{throat}" for accent in _ACCENTS for throat in _THROATS]
    known = orjson.loads(_asked(names) or b"[]")
    return Espeak(tuple(known)) if known else None


def _asked(question: Sequence[object]) -> bytes:
    """What the process answers, b"" where it can't."""
    command = [sys.executable, "-m", "training.speech.espeak_process"]
    return subprocess.run(command, input=orjson.dumps(question), stdout=subprocess.PIPE, check=False).stdout
