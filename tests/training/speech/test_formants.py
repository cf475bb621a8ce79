import numpy as np

from training.speech.formants import Formants
from training.speech.sentence import Sentence
from training.speech.spoken_digits import DIGITS

RATE = 8000


def said(text: str, speaker: str = "speaker 3", **how: float) -> np.ndarray:
    (found,) = Formants().say([Sentence(speaker, text, **how)], RATE)
    return found


def highest(samples: np.ndarray) -> float:
    """The frequency below and above which there is as much."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    return float(np.searchsorted(power.cumsum(), power.sum() / 2) / len(samples) * RATE)


def test_every_digit_is_a_sound_of_its_own() -> None:
    words = [said(word) for word in DIGITS]
    assert all(word.dtype == np.float32 and 0.1 < len(word) / RATE < 0.8 for word in words)
    assert len({word.tobytes() for word in words}) == len(DIGITS)


def test_a_sentence_sounds_the_same_each_time_and_otherwise_from_another() -> None:
    assert np.array_equal(said("one two"), said("one two"))
    assert not np.array_equal(said("one two"), said("one two", "speaker 4")[: len(said("one two"))])


def test_who_is_quicker_is_sooner_done() -> None:
    assert len(said("one two three", speed=1.3)) < len(said("one two three")) < len(said("one two three", speed=0.8))


def test_an_s_is_higher_than_an_o() -> None:
    six, four = said("six"), said("four")
    assert highest(six[-600:]) > 2 * highest(four[-1200:])
