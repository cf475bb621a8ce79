"""Recordings of which `tiny_models.add_listener` makes letters: `a`, `b` and `c`, `|` for a gap, `.` for silence."""

import io

import numpy as np
import soundfile

RATE = 8000

_PEAKS = {".": 0.0, "|": 0.1, "a": 0.2, "b": 0.3, "c": 0.4}


def samples(letters: str, rate: int = RATE) -> np.ndarray:
    """A tenth of a second each."""
    time = np.arange(rate // 10) / rate
    tone = np.sin(2 * np.pi * 500 * time).astype(np.float32)
    return np.concatenate([peak * tone for peak in map(_PEAKS.__getitem__, letters)])


def recording(letters: str, rate: int = RATE, kind: str = "WAV", channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, np.stack([samples(letters, rate)] * channels, axis=1), rate, format=kind)
    return buffer.getvalue()
