import numpy as np
import pytest

from training.speech import espeak
from training.speech.espeak import Espeak
from training.speech.sentence import Sentence


@pytest.fixture(scope="module")
def voices() -> Espeak:
    found = espeak.find()
    if found is None:
        pytest.skip("eSpeak NG is not installed")
    return found


def test_it_has_many_speakers_and_each_sounds_otherwise(voices: Espeak) -> None:
    assert len(voices.speakers) > 100
    sentences = [Sentence(speaker, "seven") for speaker in voices.speakers[:20]]
    said = list(voices.say(sentences, 8000))
    assert len({each.tobytes() for each in said}) == 20
    assert all(each.dtype == np.float32 and 0.2 < len(each) / 8000 < 1.5 for each in said)


def test_the_same_sentences_sound_the_same(voices: Espeak) -> None:
    sentences = [Sentence(speaker, "three zero") for speaker in voices.speakers[::5]]
    first, second = (list(voices.say(sentences, 8000)) for _ in range(2))
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))


def test_speed_and_rate(voices: Espeak) -> None:
    speaker = voices.speakers[0]
    slow, quick = voices.say([Sentence(speaker, "one two", 0.8), Sentence(speaker, "one two", 1.3)], 16000)
    assert len(quick) < 0.8 * len(slow)
    (half,) = voices.say([Sentence(speaker, "one two", 0.8)], 8000)
    assert abs(2 * len(half) - len(slow)) < 4
