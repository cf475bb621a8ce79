"""Labelled texts as tokens to learn from, to validate with and to test on.

Rule: the tokenizer has seen the texts to learn from alone; a text decides its own split.
"""

from collections.abc import Sequence

import torch

from training.data.card import Card
from training.data.splits import NAMES, Split, Splits, counts, split_of
from training.errors import InvalidConfig, InvalidData
from training.texts import tokens
from training.texts.labelled import Labelled, cleaned, key

_FEWEST_TOKENS = 259  # of a vocabulary: the special ones and all bytes


def prepared(given: Labelled, vocab_size: int, max_tokens: int) -> Splits:
    """Features are tokens, int64 [texts, at most `max_tokens`]. Raises `InvalidData`, `InvalidConfig`."""
    if vocab_size < _FEWEST_TOKENS:
        raise InvalidConfig(f"data.vocab_size must be at least {_FEWEST_TOKENS}, got {vocab_size}")
    if max_tokens < len(tokens.SPECIAL):
        raise InvalidConfig(f"data.max_tokens must be at least {len(tokens.SPECIAL)}, got {max_tokens}")
    texts = cleaned(given)
    labels = tuple(sorted(set(texts.labels)))
    chosen = _split(texts, labels)
    tokenizer = tokens.learn([texts.texts[row] for row in chosen["train"]], vocab_size)
    targets = torch.tensor([labels.index(label) for label in texts.labels])
    parts = {
        name: Split(tokens.tokens(tokenizer, [texts.texts[row] for row in rows], max_tokens), targets[rows])
        for name, rows in chosen.items()
    }
    classes = {name: counts(part.labels.numpy(), labels) for name, part in parts.items()}
    sizes = {name: len(rows) for name, rows in chosen.items()}
    facts = {
        "labels": list(labels),
        "vocab_size": tokenizer.get_vocab_size(),
        "max_tokens": max_tokens,
        "tokenizer": tokenizer.to_str(),
    }
    card = Card(given.source, given.read, texts.dropped, sizes, classes, notes=texts.notes)
    return Splits(**parts, labels=labels, card=card, facts=facts)


def _split(texts: Labelled, labels: Sequence[str]) -> dict[str, list[int]]:
    """Rows by split. Raises `InvalidData` where a label has none to learn from, or nothing is held out."""
    named = [split_of(key(text)) for text in texts.texts]
    chosen = {name: [row for row, part in enumerate(named) if part == name] for name in NAMES}
    missing = sorted(set(labels) - {texts.labels[row] for row in chosen["train"]})
    if missing or not all(chosen.values()):
        lacking = f"texts of '{missing[0]}' to learn from" if missing else "texts that are held out"
        raise InvalidData(f"{texts.source}: the {len(texts.texts)} texts leave no {lacking}; give more of them")
    return chosen
