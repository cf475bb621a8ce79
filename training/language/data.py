"""Texts as streams of tokens, to learn from, to validate with and to test on, and a stream as rows that are measured.

Rule: the tokenizer has seen the texts to learn from alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.config import check
from training.data.card import Card
from training.data.documents import Documents, split
from training.data.fingerprint import fingerprint
from training.errors import InvalidData
from training.kind import Rows, spread
from training.language import tokenizer
from training.losses import IGNORED

WINDOW, WANTED, BYTES = "window", "wanted", "bytes"

MOST_TOKENS = 2**19
"""Of a stream, that are measured."""
_FEWEST_TOKENS = 259  # of a vocabulary: the special ones and all bytes


@dataclass(frozen=True, slots=True, eq=False)
class LanguageData:
    """Streams are int64 [tokens]."""

    train: Tensor
    validation: Tensor
    test: Tensor
    card: Card
    facts: Mapping[str, Any]

    def fingerprint(self) -> str:
        streams = (stream.numpy() for stream in (self.train, self.validation, self.test))
        return fingerprint(streams, self.facts["tokenizer"])


def prepared(given: Documents, vocab_size: int, context: int) -> LanguageData:
    """Raises `InvalidData`, `InvalidConfig`."""
    check("data.vocab_size", vocab_size, vocab_size >= _FEWEST_TOKENS, f"at least {_FEWEST_TOKENS}")
    check("data.context", context, context >= 2, "at least 2")
    splits = split(given)
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    for name, documents in parts.items():
        if not documents:
            raise InvalidData(_too_few(splits.card, name))
    words = tokenizer.learn((document.text for document in splits.train), vocab_size)
    streams = {name: torch.tensor(tokenizer.encode(words, documents)) for name, documents in parts.items()}
    facts = {
        "tokenizer": words.to_str(),
        "vocab_size": words.get_vocab_size(),
        "context": context,
        "has_questions": any(document.name for document in given.documents),
    }
    told = ", ".join(f"{len(stream):,} {name}" for name, stream in streams.items())
    return LanguageData(
        **streams, card=replace(splits.card, notes=(*splits.card.notes, f"tokens: {told}")), facts=facts
    )


def rows(stream: Tensor, facts: Mapping[str, Any], most: int = MOST_TOKENS) -> Rows:
    """Every token but the first once, foretold in windows of the context, of which there are evenly spread ones where
    there are more than `most` tokens; the last one is filled up."""
    tokens, context = stream.numpy(), min(facts["context"], len(stream) - 1)
    count = -(-(len(tokens) - 1) // context)
    starts = spread(count, max(1, most // context)) * context
    places = starts[:, None] + np.arange(context + 1)
    is_there = places < len(tokens)
    windows = np.where(is_there, tokens[np.minimum(places, len(tokens) - 1)], 0)
    sizes = np.array(tokenizer.token_bytes(Tokenizer.from_str(facts["tokenizer"])))
    read = is_there[:, 1:]
    return Rows(
        {WINDOW: windows},
        {WANTED: np.where(read, windows[:, 1:], IGNORED), BYTES: (sizes[windows[:, 1:]] * read).sum(1)},
    )


def _too_few(card: Card, side: str) -> str:
    left = ", ".join(f"{count:,} {reason}" for reason, count in card.dropped.items()) or "nothing"
    kept = sum(card.kept.values())
    return (
        f"{card.source}: of {card.read:,} texts {kept:,} are left ({left} left out), and none of them came to the "
        f"{side} split; give more text"
    )
