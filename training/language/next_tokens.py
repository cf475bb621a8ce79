"""What a decoder foretells of texts that are known: how likely each token was, and which was likeliest.

Rule: a few rows at a time, since logits take a vocabulary's numbers for each token.
"""

from torch import Tensor, cat, nn, split

from training.models.decoder import Decoder

_ROWS = 8


class NextTokens(nn.Module):
    """Windows of tokens [rows, n + 1] -> of all but the first token of each, how likely it was after those before, as
    a logarithm, float32 [rows, n], and which was likeliest, int64 [rows, n]."""

    def __init__(self, decoder: Decoder) -> None:
        super().__init__()
        self.decoder = decoder

    def forward(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        found = [self._foretold(part) for part in split(windows, _ROWS)]
        return cat([likely for likely, _ in found]), cat([best for _, best in found])

    def _foretold(self, windows: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.decoder(windows[:, :-1])
        likely: Tensor = logits.log_softmax(-1).gather(-1, windows[:, 1:, None])[..., 0]
        return likely, logits.argmax(-1)
