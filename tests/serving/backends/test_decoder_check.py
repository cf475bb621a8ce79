from collections.abc import Sequence

import numpy as np
import pytest

from serving.backends.decoder_check import check_rows
from serving.errors import ModelLoadFailed


class Sums:
    """Its logits are of all tokens that a row holds; `leak` is how much of its neighbours' gets into them, and `slip`
    what it gets wrong when it writes."""

    vocab_size = 11

    def __init__(self, rows: int = 4, max_length: int = 16, leak: float = 0.0, slip: float = 0.0) -> None:
        self.rows = rows
        self.max_length = max_length
        self._held = np.zeros((rows, max_length))
        self._leak = leak
        self._slip = slip

    def prefill(self, row: int, tokens: Sequence[int], start: int) -> np.ndarray:
        self._held[row, start : start + len(tokens)] = tokens
        return self._logits(row, start + len(tokens))

    def decode(self, tokens: Sequence[int], lengths: Sequence[int]) -> np.ndarray:
        for row, (token, length) in enumerate(zip(tokens, lengths, strict=True)):
            self._held[row, length] = token
        logits = np.stack([self._logits(row, length + 1) for row, length in enumerate(lengths)])
        return logits + self._leak * (len(tokens) - 1) + self._slip

    def copy(self, source: int, target: int, length: int) -> None: ...

    def swap(self, first: int, second: int, length: int) -> None: ...

    def close(self) -> None: ...

    def _logits(self, row: int, length: int) -> np.ndarray:
        return np.full(self.vocab_size, self._held[row, :length].sum(), np.float32)


@pytest.mark.parametrize(("rows", "max_length"), [(1, 16), (2, 2), (4, 16), (4, 1)])
def test_rows_that_are_strangers_pass(rows: int, max_length: int) -> None:
    check_rows(Sums(rows, max_length), "any 1.0")


@pytest.mark.parametrize("leak", [0.1, float("nan")])
def test_rows_that_change_one_another_are_refused_by_the_runtimes_name(leak: float) -> None:
    with pytest.raises(ModelLoadFailed, match=r"any 1\.0 .* beside others and alone"):
        check_rows(Sums(leak=leak), "any 1.0")


def test_a_token_that_counts_for_less_when_it_is_written_is_found() -> None:
    with pytest.raises(ModelLoadFailed, match="one by one and as a whole"):
        check_rows(Sums(slip=0.1), "any 1.0")


def test_what_rounding_makes_of_large_logits_passes() -> None:
    check_rows(Sums(leak=1e-4), "any 1.0")  # beside sums above 10


def test_a_model_of_8_bits_may_write_nearly_what_it_reads_but_knows_no_neighbours() -> None:
    check_rows(Sums(slip=0.5), "any 1.0", is_rounded=True)  # of sums above 10
    with pytest.raises(ModelLoadFailed, match="one by one and as a whole"):
        check_rows(Sums(slip=10), "any 1.0", is_rounded=True)
    with pytest.raises(ModelLoadFailed, match="beside others and alone"):
        check_rows(Sums(leak=0.1), "any 1.0", is_rounded=True)
