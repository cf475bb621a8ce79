"""A recording, as a file's bytes, becomes the samples that a model hears.

Rule: one channel, at the model's rate, -1 to 1. A recording is read piece by piece and no further than it may be long.
"""

import io
import math
from collections.abc import Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from serving.errors import InvalidInput, Unsupported

FORMATS = ("WAV", "FLAC", "OGG", "MP3")
RATES = range(1000, 768_001)  # samples a second

_CONTAINERS = {*FORMATS, "WAVEX", "RF64"}
_PIECE = 1 << 18  # samples of all channels
_SEND = f"send {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"


@dataclass(frozen=True, slots=True)
class _Limit:
    """Of one, and of all of a request, of which others have `taken` some."""

    seconds: float
    together: float
    taken: float

    def check(self, seconds: float) -> None:
        if seconds > self.seconds:
            raise InvalidInput(
                f"the recording is {seconds:.1f} s long, at most {self.seconds:g} s are transcribed; send it in parts"
            )
        if self.taken + seconds > self.together:
            raise InvalidInput(
                f"the recordings are longer than {self.together:g} s together, the most that is transcribed at a time; "
                "send them in several requests"
            )


def samples_of(
    recording: bytes, sample_rate: int, most_seconds: float, together: float = math.inf, taken: float = 0.0
) -> np.ndarray:
    """Float32 [at least 1]; what is louder than 1 is cut. A request's recordings have at most so many seconds
    `together`, of which others have `taken` some. Raises `InvalidInput` for what is no recording, damaged, empty or too
    long, `Unsupported` where the packages that read recordings are not installed."""
    soundfile, soxr = libraries()
    limit = _Limit(most_seconds, together, taken)
    try:
        with soundfile.SoundFile(io.BytesIO(recording)) as file:
            _check(file, limit)
            found = np.concatenate([np.empty(0, np.float32), *_resampled(file, soxr, sample_rate, limit)])
    except soundfile.LibsndfileError as error:
        raise InvalidInput(f"the recording can't be read; {_SEND} ({error.error_string})") from None
    if not len(found):
        raise InvalidInput("the recording is empty: it has no samples")
    if not np.isfinite(found).all():
        raise InvalidInput("the recording holds samples that are not finite numbers")
    return np.clip(found, -1, 1, out=found)


def libraries() -> tuple[ModuleType, ModuleType]:
    """soundfile and soxr. Raises `Unsupported`."""
    try:
        import soundfile
        import soxr
    except (ModuleNotFoundError, OSError) as error:  # OSError: soundfile is there and the library that it loads is not
        what = getattr(error, "name", None) or "soundfile"
        raise Unsupported(
            f"recordings need the package '{what}', which is not installed: pip install 'slipway-serving[audio]'"
        ) from None
    return soundfile, soxr


def _check(file: Any, limit: _Limit) -> None:
    if file.format not in _CONTAINERS:
        raise InvalidInput(f"the recording is of the format {file.format}, which is not read; {_SEND}")
    if file.samplerate not in RATES:
        raise InvalidInput(
            f"the recording has {file.samplerate} samples a second; {RATES.start} to {RATES.stop - 1} are read"
        )
    limit.check(file.frames / file.samplerate)


def _resampled(file: Any, soxr: ModuleType, sample_rate: int, limit: _Limit) -> Iterator[np.ndarray]:
    if file.samplerate == sample_rate:
        yield from _mono(file, limit)
        return
    stream = soxr.ResampleStream(file.samplerate, sample_rate, 1, dtype="float32")
    for piece in _mono(file, limit):
        yield stream.resample_chunk(piece)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)


def _mono(file: Any, limit: _Limit) -> Iterator[np.ndarray]:
    """Pieces, float32 [samples]; counted, as a file may not know how long it is."""
    read = 0
    while len(piece := file.read(max(1, _PIECE // file.channels), dtype="float32", always_2d=True)):
        read += len(piece)
        limit.check(read / file.samplerate)
        with np.errstate(over="ignore", invalid="ignore"):  # which is told of the whole
            yield piece.mean(axis=1)
