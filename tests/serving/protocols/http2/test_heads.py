import gc
import tracemalloc
from itertools import count

import pytest
from hpack import Decoder, Encoder, HPACKError
from hypothesis import given
from hypothesis import strategies as st

from serving.protocols.http2.frames import Broken, Code
from serving.protocols.http2.heads import HeadReader, Malformed, Pairs, written

LARGEST = 64 * 1024

PAIRS = st.lists(
    st.tuples(
        st.sampled_from([b":path", b":method", b"te", b"accept", b"a", b"b", b"x" * 40]),
        st.sampled_from([b"", b"/m", b"POST", b"1", b"2", b"y" * 30, b"\xff\x00"]),
        st.booleans(),  # whether it is never to be in a table
    ),
    max_size=6,
)
HEADS = st.tuples(PAIRS, st.booleans(), st.lists(st.sampled_from([0, 40, 100, 4096]), max_size=2))


def plain(pairs: Pairs) -> Pairs:
    return [(bytes(name), bytes(value)) for name, value in pairs]


def reader() -> HeadReader[Pairs]:
    return HeadReader(plain, LARGEST)


@given(st.lists(HEADS, min_size=1, max_size=4), st.lists(st.integers(0, 3), max_size=30))
def test_a_head_that_is_known_reads_as_if_it_were_new(
    heads: list[tuple[list[tuple[bytes, bytes, bool]], bool, list[int]]], order: list[int]
) -> None:
    """Whatever a client does with the tables, again and again."""
    encoder, fresh, ours = Encoder(), Decoder(max_header_list_size=LARGEST), reader()
    for number in order:
        pairs, huffman, sizes = heads[number % len(heads)]
        for size in sizes:
            if size != encoder.header_table_size:  # else the encoder forgets that it has changed
                encoder.header_table_size = size
        block = encoder.encode(pairs, huffman=huffman)
        expected = plain(fresh.decode(block, raw=True))
        assert expected == [(name, value) for name, value, _ in pairs]
        assert ours.read(block) == expected


@given(st.lists(st.binary(max_size=12) | st.sampled_from([b"\x20", b"\x3f\xe1\x1f", b"\x40\x01a\x01b", b"\xbe"])))
def test_any_blocks_read_as_a_reader_that_keeps_nothing_reads_them(blocks: list[bytes]) -> None:
    fresh, ours = Decoder(max_header_list_size=LARGEST), reader()
    for block in (each for each in blocks for _ in range(2)):
        try:
            expected = plain(fresh.decode(block, raw=True))
        except HPACKError:
            with pytest.raises(Broken):
                ours.read(block)
            return
        assert ours.read(block) == expected


def test_a_table_that_grows_again_is_grown_where_the_head_is_known() -> None:
    encoder, ours = Encoder(), reader()
    for size, method in ((0, b"POST"), (4096, b"POST"), (0, b"GET"), (4096, b"POST")):
        encoder.header_table_size = size
        ours.read(encoder.encode([(b":method", method)]))
    ours.read(encoder.encode([(b"a", b"b")]))
    assert ours.read(encoder.encode([(b"a", b"b")])) == [(b"a", b"b")]


def test_what_is_the_same_is_made_once_and_what_changes_the_table_anew() -> None:
    numbers = count()
    ours = HeadReader(lambda _: next(numbers), LARGEST)
    indexing, static = b"\x40\x01a\x01b", b"\x82"
    assert [ours.read(block) for block in (static, static, indexing, indexing, static, static)] == [0, 0, 1, 2, 3, 3]


def test_a_malformed_head_changes_the_table_all_the_same() -> None:
    encoder = Encoder()

    def made(pairs: Pairs) -> Pairs:
        if pairs[0][0] == b"bad":
            raise Malformed("bad", may_end_one=True)
        return plain(pairs)

    ours = HeadReader(made, LARGEST)
    first, again = ours.read(encoder.encode([(b"bad", b"x")])), ours.read(encoder.encode([(b"bad", b"x")]))
    for malformed in (first, again, ours.read(b"\xbe")):
        assert isinstance(malformed, Malformed)
        assert malformed.may_end_one
        assert malformed.__traceback__ is None
    assert ours.read(encoder.encode([(b"good", b"y"), (b"bad", b"x")])) == [(b"good", b"y"), (b"bad", b"x")]


def test_many_heads_and_large_ones_are_not_kept() -> None:
    ours = reader()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(500):
            ours.read(written([(b"a", b"%d" % number * 8000)], None))
            ours.read(written([(b"b", b"%d" % number)], None))
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 100_000


def test_a_head_is_as_large_as_is_allowed_and_no_larger() -> None:
    ours = HeadReader(plain, 100)
    assert ours.read(written([(b"a", b"x" * 67)], None)) == [(b"a", b"x" * 67)]
    with pytest.raises(Broken, match="larger than 100") as broken:
        ours.read(written([(b"a", b"x" * 68)], None))
    assert broken.value.code == Code.COMPRESSION_ERROR


def test_a_large_head_that_is_small_when_packed_is_too_large() -> None:
    ours = reader()
    ours.read(Encoder().encode([(b"a", b"x" * 4000)]))
    with pytest.raises(Broken, match="larger than 65536"):
        ours.read(b"\xbe" * 17)


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",  # there is no entry 0
        b"\xbe",  # nor is one in the table of what was sent
        b"\x40\x01a",  # cut short
        b"\x00\x03ab",
        b"\x00\x01a\x82\xff\xff",  # Huffman's end of text
        b"\x3f\xe2\x1f",  # a table of 4097 bytes
        b"\x82\x20",  # a table's size after a header
        b"\xff" + b"\xff" * 20,  # a number without end
    ],
)
def test_what_cannot_be_unpacked_breaks_the_connection(block: bytes) -> None:
    with pytest.raises(Broken, match="the head can't be unpacked") as broken:
        reader().read(block)
    assert broken.value.code == Code.COMPRESSION_ERROR


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.binary(max_size=300))),
    st.sampled_from([None, 200, 204, 400, 415]),
)
def test_what_is_written_is_read_by_others_and_changes_no_table(
    pairs: list[tuple[bytes, bytes]], status: int | None
) -> None:
    decoder = Decoder(max_header_list_size=2**20)
    head = [] if status is None else [(b":status", b"%d" % status)]
    assert plain(decoder.decode(written(pairs, status), raw=True)) == head + pairs
    assert not decoder.header_table.dynamic_entries


@pytest.mark.parametrize("length", [0, 126, 127, 128, 254, 255, 16_510, 16_511, 70_000])
def test_lengths_are_written_with_as_many_digits_as_they_take(length: int) -> None:
    decoder = Decoder(max_header_list_size=2**20)
    assert plain(decoder.decode(written([(b"a", b"x" * length)], None), raw=True)) == [(b"a", b"x" * length)]


def test_the_usual_status_is_one_byte() -> None:
    assert written([]) == b"\x88"
