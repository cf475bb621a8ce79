"""Which sequence has which row of a decoder's cache, and which prefixes the idle rows still hold.

Rule: the books change in the order of the moves that are returned, so a decoder that makes them all, in that order and
before it computes anything, holds what is written here.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from serving.core.steps import CopyRow, SwapRows
from serving.scheduling.token_sequence import PACKED, Sequence, packed

Move = CopyRow | SwapRows

MIN_PREFIX = 16
"""Tokens in common that are worth the trouble."""


@dataclass(eq=False, slots=True)
class Row:
    """`held` are its tokens, packed; while a sequence has it, those of the prompt, of which it holds the first
    `filled`."""

    number: int
    held: bytes = b""
    sequence: Sequence | None = None

    @property
    def filled(self) -> int:
        """Positions."""
        return self.sequence.computed if self.sequence else len(self.held) // PACKED


@dataclass(frozen=True, slots=True)
class Match:
    """The first `length` tokens of a prompt are in `source`; `promised` will be, once what is being read was read."""

    source: Row | None = None
    length: int = 0
    promised: int = 0

    @property
    def is_worth_waiting(self) -> bool:
        return self.promised >= self.length + MIN_PREFIX


NO_MATCH = Match()


class CacheRows:
    def __init__(self, count: int, prefix_caching: bool = True) -> None:
        self._rows = [Row(number) for number in range(count)]
        self._idle = list(self._rows)  # the empty ones, and then the least recently used first
        self._prefix_caching = prefix_caching

    def __repr__(self) -> str:
        return f"<CacheRows {len(self) - self.idle} of {len(self)} taken, {self.filled} positions>"

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def idle(self) -> int:
        """Rows that no sequence has."""
        return len(self._idle)

    @property
    def filled(self) -> int:
        """Positions, also those of idle rows."""
        return sum(row.filled for row in self._rows)

    def match(self, sequence: Sequence) -> Match:
        """The longest prefix of a prompt that any row holds, but for the last token, which is always computed; among
        equals that of the least recently used idle row."""
        most = sequence.prompt_length - 1
        if not self._prefix_caching or most < MIN_PREFIX:
            return NO_MATCH
        source, length, promised = None, 0, 0
        longer = sequence.prompt[: MIN_PREFIX * PACKED]
        for row in self._candidates():
            if not row.held.startswith(longer):
                continue
            common = min(_common(sequence.prompt, row.held), most)
            promised = max(promised, common)
            if min(common, row.filled) > length and row.filled >= MIN_PREFIX:
                source, length = row, min(common, row.filled)
                longer = sequence.prompt[: (length + 1) * PACKED]
            if length == most:
                break
        return Match(source, length, promised)

    def take(self, sequence: Sequence, match: Match) -> Move | None:
        """Gives a sequence a row, of which there is an idle one, with what it matches: in place, where little or
        nothing but that is lost, else as a copy over what was least recently used."""
        row, move = self._idle[0], None
        source = match.source
        if source is not None:
            if source.sequence is None and source is not row and 4 * match.length >= 3 * source.filled:
                row = source
            if source is not row:
                move = CopyRow(source.number, row.number, match.length)
                self._touch(source)
        self._idle.remove(row)
        row.sequence, row.held = sequence, sequence.prompt
        sequence.row, sequence.computed, sequence.cached_tokens = row.number, match.length, match.length
        return move

    def release(self, sequence: Sequence) -> None:
        """What it computed stays, until its row is needed."""
        assert sequence.row is not None
        row = self._rows[sequence.row]
        row.sequence = sequence.row = None
        if self._prefix_caching and sequence.computed >= MIN_PREFIX:
            row.held = packed(sequence.tokens[: sequence.computed])
            self._idle.append(row)
        else:
            row.held = b""
            self._idle.insert(0, row)

    def forget(self) -> None:
        """Nobody knows any more what is in the idle rows."""
        for row in self._idle:
            row.held = b""

    def pack(self, writing: list[Sequence]) -> list[Move]:
        """Brings those that write into the first rows, and the list into the order of theirs."""
        count = len(writing)
        rows = [self._rows[sequence.row] for sequence in writing if sequence.row is not None]
        strays = [row for row in rows if row.number >= count]
        holes = [row for row in self._rows[:count] if row.sequence is None or not row.sequence.written]
        moves = [self._exchange(row, hole) for row, hole in zip(strays, holes, strict=True)]
        writing[:] = [row.sequence for row in self._rows[:count] if row.sequence]
        return moves

    def _exchange(self, row: Row, hole: Row) -> Move:
        """What the hole holds changes places with the row, or is nothing."""
        source, target = row.number, hole.number
        row.number, hole.number = target, source
        self._rows[target], self._rows[source] = row, hole
        for moved in (row, hole):
            if moved.sequence:
                moved.sequence.row = moved.number
        if not hole.filled:
            return CopyRow(source, target, row.filled)
        return SwapRows(target, source, max(row.filled, hole.filled))

    def _candidates(self) -> Iterator[Row]:
        yield from self._idle
        yield from (row for row in self._rows if row.sequence)

    def _touch(self, row: Row) -> None:
        if row.sequence is None:
            self._idle.remove(row)
            self._idle.append(row)


def _common(first: bytes, second: bytes) -> int:
    """How many tokens both begin with."""
    low, high = 0, min(len(first), len(second)) // PACKED
    while low < high:
        middle = (low + high + 1) // 2
        if first[low * PACKED : middle * PACKED] == second[low * PACKED : middle * PACKED]:
            low = middle
        else:
            high = middle - 1
    return low
