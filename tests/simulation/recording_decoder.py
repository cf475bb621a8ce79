"""A decoder that records which tokens are in every row of its cache, and computes nothing.

Rule: what a step didn't put there isn't there; reading past it, which a real one wouldn't notice, is an error here.
"""

from array import array
from zlib import crc32

from serving.core.steps import CopyRow, Step

VOCABULARY = 50


def next_token(tokens: list[int]) -> int:
    """It depends on every token before, so that no two prefixes are mistaken for each other."""
    return crc32(array("i", tokens).tobytes()) % VOCABULARY


class RecordingDecoder:
    def __init__(self, rows: int, max_length: int) -> None:
        self.max_length = max_length
        self.rows: list[list[int]] = [[] for _ in range(rows)]

    def run(self, step: Step) -> tuple[list[int], list[int]]:
        """The next token of each row that writes, and of each chunk."""
        for move in step.moves:
            if isinstance(move, CopyRow):
                self._copy(move.source, move.target, move.length)
            else:
                first = self._read(move.first, min(move.length, len(self.rows[move.first])))
                self._copy(move.second, move.first, min(move.length, len(self.rows[move.second])))
                self.rows[move.second] = first
        written = [
            self._write(row, length, [token])
            for row, (token, length) in enumerate(zip(step.tokens, step.lengths, strict=True))
        ]
        return written, [self._write(chunk.row, chunk.start, list(chunk.tokens)) for chunk in step.chunks]

    def _copy(self, source: int, target: int, length: int) -> None:
        assert source != target
        self.rows[target] = self._read(source, length)

    def _read(self, row: int, length: int) -> list[int]:
        assert length <= len(self.rows[row]), f"row {row} has {len(self.rows[row])} positions, not {length}"
        return self.rows[row][:length]

    def _write(self, row: int, start: int, tokens: list[int]) -> int:
        self.rows[row] = self._read(row, start) + tokens
        assert 0 < len(tokens) <= len(self.rows[row]) <= self.max_length
        return next_token(self.rows[row])
