"""What a report shows of a model that writes: how it goes on with texts, and which it foretold worst.

Rule: the same model shows the same, since chance has a seed of its own.
"""

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.kind import Rows, spread
from training.language.data import BYTES, WANTED, WINDOW
from training.language.tokenizer import END, SPECIAL
from training.losses import IGNORED
from training.models.decoder import Decoder
from training.report.section import Section, Table, Text

_TEXTS, _READ, _WRITTEN = 4, 32, 48  # tokens of so many texts
_TEMPERATURE, _SEED = 0.7, 0
_HARDEST, _SHOWN = 5, 400  # texts, and characters of each


def continued(model: Decoder, words: Tokenizer, windows: np.ndarray) -> Section:
    """`windows` int64 [rows, tokens]."""
    given = torch.from_numpy(windows[spread(len(windows), _TEXTS)])
    read = max(1, min(_READ, given.shape[1] // 2))
    written = written_by(model, given[:, :read], min(_WRITTEN, model.config.max_position_embeddings - read))
    rows = tuple(
        tuple(
            _text(words, tokens) for tokens in (text[:read], _ended(own), _ended(text[read : read + written.shape[1]]))
        )
        for text, own in zip(given.tolist(), written.tolist(), strict=True)
    )
    told = Text(
        f"How it goes on with the beginnings of held-out texts, at a temperature of {_TEMPERATURE}, which is one of "
        "very many ways, and how they go on."
    )
    return Section("What it writes", (told, Table(("the text begins", "the model", "the text"), rows)))


def written_by(model: Decoder, texts: Tensor, count: int) -> Tensor:
    """`texts` int64 [rows, tokens] -> so many more tokens of each."""
    chance, length, tokens = torch.Generator().manual_seed(_SEED), texts.shape[1], texts
    with torch.inference_mode():
        for _ in range(count):
            likely = (model(tokens)[:, -1] / _TEMPERATURE).softmax(-1)
            tokens = torch.cat((tokens, torch.multinomial(likely, 1, generator=chance)), 1)
    return tokens[:, length:]


def hardest(words: Tokenizer, rows: Rows, likely: np.ndarray) -> Section:
    """`likely` is the logarithm of each token's probability [rows, tokens]."""
    sizes, is_there = rows.truths[BYTES], rows.truths[WANTED] != IGNORED
    nats = -np.where(is_there, likely, 0).sum(1)
    bits = nats / np.log(2) / np.maximum(sizes, 1)
    worst = np.argsort(-bits, kind="stable")[:_HARDEST]
    texts = (rows.inputs[WINDOW][row, : is_there[row].sum() + 1].tolist() for row in worst)
    shown = tuple((f"{bits[row]:.2f}", _text(words, text)) for row, text in zip(worst, texts, strict=True))
    told = Text("Those passages of the test, a row each, that take most bits a byte.")
    return Section("Foretold worst", (told, Table(("bits a byte", "text"), shown)))


def _ended(tokens: list[int]) -> list[int]:
    end = SPECIAL.index(END)
    return tokens[: tokens.index(end)] if end in tokens else tokens


def _text(words: Tokenizer, tokens: list[int]) -> str:
    told = str(words.decode(tokens, skip_special_tokens=False))
    return told if len(told) <= _SHOWN else f"{told[: _SHOWN - 1]}…"
