"""One to five digits, spoken by made voices in made rooms: `three seven one`.

Rule: nobody who speaks in the test speaks in training.
"""

import random
from collections.abc import Iterator

import numpy as np

from training.data.card import Card
from training.data.splits import NAMES, split_of
from training.errors import InvalidConfig
from training.speech import voices
from training.speech.letters import labels_of
from training.speech.sentence import Sentence
from training.speech.utterances import Speech, Utterance, Utterances, sixteen_bits
from training.speech.voices import Voices

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

_MOST_WORDS = 5
_BEFORE, _AFTER = 0.3, 0.2  # seconds of room at most
_SPEEDS = (0.8, 1.3)
_LOUDNESS = (0.02, 0.2)  # root mean square
_NOISE = (12, 40)  # decibels between voice and room


def load(train: int, held_out: int, kind: str = "auto", sample_rate: int = 8000, seed: int = 20) -> Speech:
    """So many to train on, and to validate and test with each; `kind` is one of `voices.KINDS`. Raises
    `InvalidConfig`."""
    for name, count in (("train", train), ("held_out", held_out)):
        if count < 1:
            raise InvalidConfig(f"data.{name} must be at least 1, got {count}")
    found = voices.find(kind)
    counts = dict(zip(NAMES, (train, held_out, held_out), strict=True))
    splits = [
        Utterances.of(_spoken(found, name, count, sample_rate, seed + number))
        for number, (name, count) in enumerate(counts.items())
    ]
    facts = {"labels": labels_of(DIGITS), "sample_rate": sample_rate}
    speakers = {name: sum(split_of(speaker.encode()) == name for speaker in found.speakers) for name in NAMES}
    notes = (f"Spoken by {found.name}; speakers: " + ", ".join(f"{speakers[name]} ({name})" for name in NAMES) + ".",)
    card = Card("spoken digits, made here", sum(counts.values()), {}, counts, _classes(splits), notes=notes)
    learnt, validation, test = splits
    return Speech(learnt, validation, test, facts, card)


def _spoken(found: Voices, split: str, count: int, sample_rate: int, seed: int) -> Iterator[Utterance]:
    chance, room = random.Random(seed), np.random.default_rng(seed)
    speakers = [speaker for speaker in found.speakers if split_of(speaker.encode()) == split]
    sentences = [_sentence(speakers, chance) for _ in range(count)]
    for sentence, voice in zip(sentences, found.say(sentences, sample_rate), strict=True):
        yield Utterance(sixteen_bits(_in_a_room(voice, sample_rate, room)), sentence.text, sentence.speaker)


def _sentence(speakers: list[str], chance: random.Random) -> Sentence:
    words = [chance.choice(DIGITS) for _ in range(chance.randint(1, _MOST_WORDS))]
    return Sentence(chance.choice(speakers), " ".join(words), chance.uniform(*_SPEEDS), chance.random())


def _in_a_room(voice: np.ndarray, sample_rate: int, room: np.random.Generator) -> np.ndarray:
    """As a microphone hears it: silence around it, noise beneath it, more or less loud."""
    before, after = (int(sample_rate * room.uniform(0, longest)) for longest in (_BEFORE, _AFTER))
    voice = np.pad(voice / np.sqrt(np.mean(voice**2)), (before, after))
    noise = 10 ** (-room.uniform(*_NOISE) / 20) * room.standard_normal(len(voice))
    return room.uniform(*_LOUDNESS) * (voice + noise)


def _classes(splits: list[Utterances]) -> dict[str, dict[str, int]]:
    said = {name: " ".join(split.texts).split() for name, split in zip(NAMES, splits, strict=True)}
    return {name: {digit: words.count(digit) for digit in DIGITS} for name, words in said.items()}
