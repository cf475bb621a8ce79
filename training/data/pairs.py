"""Texts and their answers, to learn from and held out."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    text: str
    answer: str


@dataclass(frozen=True, slots=True)
class PairSplits:
    train: tuple[Pair, ...]
    held_out: tuple[Pair, ...]

    def fingerprint(self) -> str:
        """sha256 over every text and answer: equal only for the same pairs, split and ordered the same way."""
        digest = hashlib.sha256()
        for pairs in (self.train, self.held_out):
            for part in (part for pair in pairs for part in (pair.text, pair.answer)):
                digest.update(f"{len(part)}:{part}".encode())
            digest.update(b"/")
        return digest.hexdigest()
