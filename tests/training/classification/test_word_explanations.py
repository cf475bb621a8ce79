import sys

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.classification import word_explanations
from training.report.section import Section, Text, Words

WORDS = ("[PAD]", "[CLS]", " good", " bad", " film")
TOKENS = np.array([[1, 2, 4, 0], [1, 4, 3, 3], [1, 4, 0, 0]])
MASK = (TOKENS != 0).astype(np.int64)


class Mood(nn.Module):
    """Probabilities by how many words are good, and how many bad."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding.from_pretrained(torch.tensor([[0.0], [0.0], [2.0], [-1.0], [0.0]]))

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        mood = (self.embedding(tokens)[..., 0] * mask).sum(dim=1)
        return torch.stack([-mood, mood], dim=1).softmax(dim=1)


def explained() -> Section:
    probabilities = Mood()(torch.from_numpy(TOKENS), torch.from_numpy(MASK)).numpy()
    inputs = (TOKENS, MASK)
    return word_explanations.explained(Mood(), inputs, probabilities, ("sad", "glad"), WORDS.__getitem__, {1})


def test_words_are_coloured_by_what_they_did_for_the_answer() -> None:
    _, *texts = explained().parts

    assert [(it.caption.split(",")[0], it.words) for it in texts if isinstance(it, Words)] == [
        ("answer sad", ((" film", pytest.approx(0)), (" bad", pytest.approx(1)), (" bad", pytest.approx(1)))),
        ("answer glad", ((" good", pytest.approx(1)), (" film", pytest.approx(0)))),
        ("answer sad", ((" film", pytest.approx(0)),)),
    ]


def test_without_captum_a_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "captum", None)
    monkeypatch.setitem(sys.modules, "captum.attr", None)

    (part,) = explained().parts

    assert isinstance(part, Text)
    assert "captum is not installed" in part.text
