from serving.core.steps import CopyRow, SwapRows
from serving.scheduling.cache_rows import NO_MATCH, CacheRows
from serving.scheduling.token_sequence import Sequence

A, B, C = ([letter] * 1000 for letter in (1, 2, 3))
"""Prompts are made of pieces of these."""


def read(rows: CacheRows, prompt: list[int], computed: int | None = None) -> Sequence:
    """A sequence that has a row of its own, and read so much of its prompt."""
    sequence = Sequence(prompt, 10)
    rows.take(sequence, NO_MATCH)
    sequence.computed = len(prompt) if computed is None else computed
    return sequence


def kept(rows: CacheRows, prompt: list[int]) -> int:
    """The row that still holds it, after its sequence ended."""
    sequence = read(rows, prompt)
    row = sequence.row
    rows.release(sequence)
    assert row is not None
    return row


def length(rows: CacheRows, prompt: list[int]) -> int:
    return rows.match(Sequence(prompt, 1)).length


def test_the_longest_prefix_is_found_and_its_last_token_is_left_to_compute() -> None:
    rows = CacheRows(4)
    kept(rows, A[:40])
    kept(rows, [*A[:20], *B[:50]])

    assert length(rows, [*A[:20], *B[:30], *C[:10]]) == 50
    assert length(rows, [*A[:39], *C[:9]]) == 39
    assert length(rows, A[:40]) == 39
    assert length(rows, A[:15]) == 0, "not worth it"
    assert length(rows, C[:90]) == 0
    assert length(CacheRows(1, prefix_caching=False), A[:40]) == 0


def test_without_prefix_caching_nothing_is_kept() -> None:
    rows = CacheRows(2, prefix_caching=False)
    kept(rows, A[:40])

    assert rows.filled == 0
    assert length(rows, A[:40]) == 0


def test_what_was_written_is_kept_too_but_not_what_was_never_computed() -> None:
    rows = CacheRows(1)
    sequence = read(rows, A[:20])
    sequence.tokens += B[:6]
    sequence.computed += 5
    rows.release(sequence)

    assert rows.filled == 25
    assert length(rows, [*A[:20], *B[:9]]) == 25


def test_only_what_a_running_sequence_has_read_is_there_and_the_rest_is_promised() -> None:
    rows = CacheRows(3)
    reading = read(rows, A[:90], computed=30)
    match = rows.match(Sequence([*A[:60], *B[:10]], 1))

    assert (match.length, match.promised, match.is_worth_waiting) == (30, 60, True)
    reading.computed = 50
    assert not rows.match(Sequence([*A[:60], *B[:10]], 1)).is_worth_waiting, "ten more are not"


def test_a_row_that_has_more_in_common_but_has_read_less_is_not_taken() -> None:
    rows = CacheRows(3)
    kept(rows, A[:40])
    read(rows, A[:90], computed=20)
    match = rows.match(Sequence(A[:50], 1))

    assert (match.length, match.promised) == (40, 49)


def test_a_conversation_goes_on_in_its_row() -> None:
    rows = CacheRows(3)
    kept(rows, B[:30])
    row = kept(rows, A[:40])
    sequence = Sequence([*A[:40], *B[:10]], 1)

    assert rows.take(sequence, rows.match(sequence)) is None
    assert (sequence.row, sequence.computed, sequence.cached_tokens) == (row, 40, 40)


def test_what_others_may_still_need_is_copied_over_what_was_least_recently_used() -> None:
    rows = CacheRows(3)
    oldest, source, newest = (kept(rows, prompt) for prompt in (B[:30], [*A[:20], *C[:60]], C[:30]))
    sequence = Sequence([*A[:20], *B[:10]], 1)

    assert rows.take(sequence, rows.match(sequence)) == CopyRow(source, oldest, 20)
    assert sequence.row == oldest
    other = Sequence([9], 1)
    rows.take(other, rows.match(other))
    assert other.row == newest, "the source was used just now"


def test_what_a_running_sequence_has_is_copied() -> None:
    rows = CacheRows(2)
    running = read(rows, A[:40])
    sequence = Sequence(A[:40], 1)

    assert rows.take(sequence, rows.match(sequence)) == CopyRow(0, 1, 39)
    assert (running.row, sequence.row) == (0, 1)


def test_of_equal_prefixes_the_least_recently_used_is_taken_over_and_no_other_is_lost() -> None:
    rows = CacheRows(2)
    oldest = kept(rows, [*A[:20], *B[:60]])
    kept(rows, [*A[:20], *C[:60]])
    sequence = Sequence([*A[:20], 7], 1)

    assert rows.take(sequence, rows.match(sequence)) is None
    assert sequence.row == oldest
    assert length(rows, [*A[:20], *C[:60], 7]) == 80


def test_the_only_row_is_taken_over_however_little_matches() -> None:
    rows = CacheRows(1)
    kept(rows, [*A[:20], *B[:500]])
    sequence = Sequence([*A[:20], *C[:10]], 1)

    assert rows.take(sequence, rows.match(sequence)) is None
    assert sequence.cached_tokens == 20


def write(*sequences: Sequence) -> list[Sequence]:
    for sequence in sequences:
        sequence.tokens.append(5)
    return list(sequences)


def test_who_writes_comes_to_the_front_and_what_an_idle_row_holds_is_swapped() -> None:
    rows = CacheRows(4)
    first, second, third = read(rows, A[:20]), read(rows, B[:30]), read(rows, C[:40])
    writing = write(second, third)
    rows.release(first)

    assert rows.pack(writing) == [SwapRows(0, 2, 40)]
    assert writing == [third, second]
    assert [sequence.row for sequence in writing] == [0, 1]
    assert length(rows, [*A[:20], *B]) == 20
    assert rows.pack(writing) == []


def test_nothing_is_swapped_with_nothing() -> None:
    rows = CacheRows(2)
    first, second = read(rows, A[:9]), read(rows, B[:30])
    rows.release(first)

    assert rows.pack(write(second)) == [CopyRow(1, 0, 30)]
    assert second.row == 0


def test_who_reads_makes_room_for_who_writes() -> None:
    rows = CacheRows(2)
    slow, quick = read(rows, A[:90], computed=50), read(rows, B[:30])

    assert rows.pack(write(quick)) == [SwapRows(0, 1, 50)]
    assert (quick.row, slow.row) == (0, 1)


def test_what_is_not_known_any_more_is_not_found() -> None:
    rows = CacheRows(2)
    kept(rows, A[:40])
    rows.forget()

    assert length(rows, A[:40]) == rows.filled == 0
