"""A small synthesiser of its own for the words of the digits, for where no other is installed.

Source: formants of vowels after Peterson and Barney, 1952. A voice is a sum of harmonics, as loud as the resonances of
a throat make them, and noise. Rule: a speaker's name says how long the throat is, how high and how rough the voice.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from training.speech.sentence import Sentence

_STEP = 0.005  # seconds between two points at which the throat's shape is computed
_WIDTHS = (90.0, 110.0, 170.0)  # Hz, of the resonances
_SPEAKERS = 120


@dataclass(frozen=True, slots=True)
class Sound:
    """`formants` in Hz, of `voice` and `noise` between 0 and 1; the noise is around `centre`, so `wide`."""

    seconds: float
    formants: tuple[float, float, float] = (500, 1500, 2500)
    voice: float = 0.0
    noise: float = 0.0
    centre: float = 0.0
    wide: float = 500.0


def _vowel(seconds: float, *formants: float) -> Sound:
    first, second, third = formants
    return Sound(seconds, (first, second, third), voice=1.0)


_SOUNDS = {
    "a": _vowel(0.08, 730, 1090, 2440),
    "ah": _vowel(0.11, 640, 1190, 2390),
    "ao": _vowel(0.13, 570, 840, 2410),
    "e": _vowel(0.07, 480, 1900, 2500),
    "eh": _vowel(0.10, 530, 1840, 2480),
    "ih": _vowel(0.08, 390, 1990, 2550),
    "i": _vowel(0.08, 330, 2200, 2800),
    "iy": _vowel(0.15, 270, 2290, 3010),
    "o": _vowel(0.10, 540, 900, 2410),
    "u": _vowel(0.08, 330, 870, 2240),
    "uw": _vowel(0.16, 300, 870, 2240),
    "uh": _vowel(0.05, 500, 1400, 2450),
    "r": Sound(0.06, (310, 1060, 1380), voice=0.7),
    "w": Sound(0.06, (290, 610, 2150), voice=0.6),
    "n": Sound(0.08, (250, 1700, 2600), voice=0.35),
    "v": Sound(0.05, (250, 1000, 2200), 0.3, 0.08, 2200, 1500),
    "z": Sound(0.09, (250, 1700, 2500), 0.25, 0.3, 3600, 600),
    "s": Sound(0.11, (400, 1700, 2500), noise=0.5, centre=3600, wide=600),
    "f": Sound(0.10, (350, 1000, 2200), noise=0.12, centre=2200, wide=1500),
    "th": Sound(0.09, (350, 1300, 2500), noise=0.08, centre=3000, wide=1200),
    "-": Sound(0.05),
    "|": Sound(0.03),
    "t": Sound(0.03, (400, 1800, 2600), noise=0.4, centre=3200, wide=800),
    "k": Sound(0.03, (350, 1900, 2400), noise=0.4, centre=1900, wide=500),
}
_WORDS = {
    "zero": "z ih r o u",
    "one": "w ah n",
    "two": "- t uw",
    "three": "th r iy",
    "four": "f ao r",
    "five": "f a ih v",
    "six": "s ih - k s",
    "seven": "s eh v uh n",
    "eight": "e i - t",
    "nine": "n a ih n",
}


class Formants:
    name = "a formant synthesiser"
    speakers = tuple(f"speaker {number}" for number in range(_SPEAKERS))

    def say(self, sentences: Sequence[Sentence], sample_rate: int) -> Iterator[np.ndarray]:
        """Of texts that hold no words but those of the digits."""
        return (_said(sentence, sample_rate) for sentence in sentences)


def _said(sentence: Sentence, sample_rate: int) -> np.ndarray:
    own = np.random.default_rng(list(sentence.speaker.encode()))
    throat, height, rough = own.uniform(0.85, 1.2), own.uniform(85, 230), own.uniform(0, 0.15)
    chance = np.random.default_rng(list(repr(sentence).encode()))
    sounds = " | ".join(map(_WORDS.__getitem__, sentence.text.split())).split()
    track = _Track([_SOUNDS[sound] for sound in sounds], sentence.speed, round(_STEP * sample_rate) / sample_rate)
    pitches = height * (0.8 + 0.4 * sentence.pitch) * np.linspace(1.1, 0.9, len(track.times))
    voice = _voice(track, throat, pitches * (1 + 0.01 * chance.standard_normal(len(pitches))), sample_rate)
    voice *= 1 + rough * chance.standard_normal(len(voice))
    sound = voice + _noise(track, len(voice), sample_rate, chance)
    quiet: np.ndarray = (0.3 / np.abs(sound).max() * sound).astype(np.float32)
    return quiet


class _Track:
    """Sounds one after the other, which flow into one another."""

    def __init__(self, sounds: list[Sound], speed: float, step: float) -> None:
        self.sounds = sounds
        seconds = np.array([sound.seconds for sound in sounds]) / speed
        self.ends = np.cumsum(seconds)
        self.begins = self.ends - seconds
        self.times = np.arange(0, self.ends[-1] + step, step)

    def along(self, values: list[float]) -> np.ndarray:
        """At all times, of one value for each sound, which it has in its middle half."""
        quarter = (self.ends - self.begins) / 4
        points = np.stack([self.begins + quarter, self.ends - quarter], axis=1)
        found: np.ndarray = np.interp(self.times, points.ravel(), np.repeat(values, 2))
        return found


def _voice(track: _Track, throat: float, pitches: np.ndarray, sample_rate: int) -> np.ndarray:
    """The sum of all harmonics below half the sample rate."""
    numbers = np.arange(1, int(sample_rate / 2 / pitches.min()) + 1)[:, None]
    frequencies = numbers * pitches
    loudness = track.along([sound.voice for sound in track.sounds]) / numbers
    for number, width in enumerate(_WIDTHS):
        formant = throat * track.along([sound.formants[number] for sound in track.sounds])
        loudness = loudness * formant**2 / np.hypot(formant**2 - frequencies**2, width * frequencies)
    loudness[frequencies > sample_rate / 2] = 0
    steps = round(_STEP * sample_rate)
    phase = np.cumsum(_between(pitches, steps)) * (2 * np.pi / sample_rate)
    found, twice_cosine = np.zeros(len(phase)), 2 * np.cos(phase)
    before, wave = np.zeros(len(phase)), np.sin(phase)
    for each in loudness:
        found += _between(each, steps) * wave
        before, wave = wave, twice_cosine * wave - before  # sin (n+1)x = 2 cos x sin nx - sin (n-1)x
    return found


def _between(values: np.ndarray, steps: int) -> np.ndarray:
    """So many points from each value to the next, in a straight line."""
    found: np.ndarray = (values[:-1, None] + np.diff(values)[:, None] * (np.arange(steps) / steps)).ravel()
    return found


def _noise(track: _Track, samples: int, sample_rate: int, chance: np.random.Generator) -> np.ndarray:
    found = np.zeros(samples)
    for sound, begin, end in zip(track.sounds, track.begins, track.ends, strict=True):
        part = found[int(begin * sample_rate) : int(end * sample_rate)]
        if sound.noise and len(part) > 1:
            spectrum = np.fft.rfft(chance.standard_normal(len(part)))
            away = (np.fft.rfftfreq(len(part), 1 / sample_rate) - sound.centre) / sound.wide
            part += sound.noise * np.hanning(len(part)) * np.fft.irfft(spectrum * np.exp(-(away**2)), len(part))
    return found
