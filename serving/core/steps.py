"""What one step of generation computes. Rule: a decoder reads this and nothing else; it knows no request.

A decoder has a cache of so many rows, each with room for the keys and values of one sequence's tokens, from position 0.
Rows 0 to n-1 are those that write; those that still read their prompt, and those kept for their prefix, lie behind.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CopyRow:
    """The first `length` positions of row `source` over those of row `target`."""

    source: int
    target: int
    length: int


@dataclass(frozen=True, slots=True)
class SwapRows:
    """The first `length` positions of both change places."""

    first: int
    second: int
    length: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """Tokens of a prompt, to be read into `row` from position `start` on; what precedes them is there."""

    row: int
    start: int
    tokens: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """In this order: `moves` of cache rows; the next position of rows 0, 1 and so on, where row i holds `lengths[i]`
    positions and then `tokens[i]`; the chunks."""

    moves: tuple[CopyRow | SwapRows, ...] = ()
    tokens: tuple[int, ...] = ()
    lengths: tuple[int, ...] = ()
    chunks: tuple[Chunk, ...] = ()
