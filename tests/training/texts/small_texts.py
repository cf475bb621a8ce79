"""Reviews that say in a word or two whether they are good, made here: a model learns them in seconds."""

import random

from training.texts.labelled import Labelled

_WORDS = {
    "good": ("great", "wonderful", "lovely", "perfect", "superb", "a joy"),
    "bad": ("awful", "horrible", "a waste", "useless", "broken", "a letdown"),
}
_THINGS = ("screen", "battery", "kettle", "chair", "book", "film", "soup", "hotel", "jacket", "lamp")
_FORMS = ("The {thing} is {word}.", "I find this {thing} {word}!", "What {word}, this {thing}", "{thing}: {word}")


def reviews(count: int) -> Labelled:
    chance = random.Random(0)
    labels = [chance.choice(list(_WORDS)) for _ in range(count)]
    texts = [f"{_of(label, chance)} {_of(label, chance)} Number {chance.randrange(10_000)}." for label in labels]
    return Labelled("reviews", tuple(texts), tuple(labels))


def _of(label: str, chance: random.Random) -> str:
    return chance.choice(_FORMS).format(thing=chance.choice(_THINGS), word=chance.choice(_WORDS[label]))
