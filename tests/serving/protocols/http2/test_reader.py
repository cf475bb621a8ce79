from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.protocols.http2.frames import (
    ACK,
    END_HEADERS,
    END_STREAM,
    PADDED,
    PREFACE,
    WITH_PRIORITY,
    Broken,
    Code,
    Kind,
    frame,
    frame_head,
)
from serving.protocols.http2.reader import LARGEST_FRAME, LARGEST_HEAD, Frame, FrameReader

SETTINGS = frame(Kind.SETTINGS, 0, 0)
GREETING = PREFACE + SETTINGS


def read(reader: FrameReader, *pieces: bytes) -> list[Frame]:
    return [each for piece in pieces for each in reader.read(piece)]


def greeted() -> FrameReader:
    reader = FrameReader()
    assert [each.kind for each in reader.read(GREETING)] == [Kind.SETTINGS]
    return reader


def broken_by(data: bytes, reader: FrameReader | None = None) -> Code:
    with pytest.raises(Broken) as broken:
        read(reader or greeted(), data)
    return broken.value.code


FRAMES = st.lists(
    st.one_of(
        st.builds(lambda stream, data: frame(Kind.DATA, 0, stream, data), st.integers(1, 9), st.binary(max_size=40)),
        st.builds(
            lambda data, more: (
                frame(Kind.HEADERS, END_STREAM, 1, data) + frame(Kind.CONTINUATION, END_HEADERS, 1, more)
            ),
            st.binary(max_size=20),
            st.binary(max_size=20),
        ),
        st.just(frame(Kind.PING, 0, 0, bytes(8))),
        st.builds(lambda kind, data: frame(kind, 0xFF, 3, data), st.integers(10, 255), st.binary(max_size=9)),
    ),
    max_size=8,
)


@given(FRAMES, st.lists(st.integers(0, 400), max_size=20))
def test_frames_are_the_same_wherever_the_bytes_are_cut(frames: list[bytes], cuts: list[int]) -> None:
    data = GREETING + b"".join(frames)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    assert read(FrameReader(), *(data[start:end] for start, end in pairwise(edges))) == read(FrameReader(), data)


@given(FRAMES)
def test_frames_come_as_soon_as_their_last_byte_does(frames: list[bytes]) -> None:
    reader = greeted()
    for each in frames:
        found = read(reader, *(each[at : at + 1] for at in range(len(each) - 1)))
        assert len(found) + len(read(reader, each[-1:])) == 1
        assert not found


def test_a_greeting_is_known_by_its_first_bytes() -> None:
    reader = FrameReader()
    for at in range(len(PREFACE)):
        assert not reader.is_greeted
        assert not read(reader, PREFACE[at : at + 1])
    assert reader.is_greeted
    for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"PRI * HTTP/2.0\r\n\r\nXX", GREETING[1:]):
        assert broken_by(data, FrameReader()) == Code.PROTOCOL_ERROR
    partly = FrameReader()
    assert not read(partly, b"PRI * HTT")
    assert broken_by(b"X", partly) == Code.PROTOCOL_ERROR


@pytest.mark.parametrize("first", [frame(Kind.PING, 0, 0, bytes(8)), frame(Kind.SETTINGS, ACK, 0), frame(99, 0, 0)])
def test_settings_are_the_first_frame(first: bytes) -> None:
    assert broken_by(PREFACE + first, FrameReader()) == Code.PROTOCOL_ERROR


def test_a_frame_may_be_as_large_as_we_say_and_no_larger() -> None:
    largest = frame(Kind.DATA, 0, 1, bytes(LARGEST_FRAME))
    assert read(greeted(), largest[:-1], largest[-1:]) == [(Kind.DATA, 0, 1, bytes(LARGEST_FRAME), LARGEST_FRAME)]
    assert broken_by(frame_head(LARGEST_FRAME + 1, Kind.DATA, 0, 1)) == Code.FRAME_SIZE_ERROR
    assert broken_by(frame_head(2**24 - 1, 99, 0, 1)) == Code.FRAME_SIZE_ERROR


def test_a_streams_highest_bit_means_nothing() -> None:
    assert read(greeted(), frame(Kind.DATA, 0, 2**31 + 5, b"a"))[0].stream == 5


@pytest.mark.parametrize("kind", [Kind.DATA, Kind.HEADERS])
def test_padding_is_taken_away_and_counted(kind: Kind) -> None:
    padded = frame(kind, PADDED | END_HEADERS, 1, b"\x03abc\0\0\0")
    assert read(greeted(), padded) == [(kind, PADDED | END_HEADERS, 1, b"abc", 7)]
    nothing_else = frame(kind, PADDED | END_HEADERS, 1, b"\x05" + bytes(5))
    assert read(greeted(), nothing_else)[0].payload == b""
    assert broken_by(frame(kind, PADDED | END_HEADERS, 1, b"\x03\0\0")) == Code.PROTOCOL_ERROR
    assert broken_by(frame(kind, PADDED | END_HEADERS, 1)) == Code.FRAME_SIZE_ERROR


def test_a_heads_priority_is_taken_away() -> None:
    flags = WITH_PRIORITY | PADDED | END_HEADERS
    assert read(greeted(), frame(Kind.HEADERS, flags, 1, b"\x01" + bytes(5) + b"head" + b"\0"))[0].payload == b"head"
    assert broken_by(frame(Kind.HEADERS, WITH_PRIORITY | END_HEADERS, 1, bytes(4))) == Code.FRAME_SIZE_ERROR


def test_a_head_in_several_frames_is_one() -> None:
    reader = greeted()
    first = frame(Kind.HEADERS, END_STREAM | WITH_PRIORITY, 3, bytes(5) + b"a")
    assert not read(reader, first, frame(Kind.CONTINUATION, 0, 3, b"b"), frame(Kind.CONTINUATION, 0, 3))
    [head] = read(reader, frame(Kind.CONTINUATION, END_HEADERS, 3, b"c"))
    assert (head.kind, head.stream, head.payload) == (Kind.HEADERS, 3, b"abc")
    assert head.flags & END_STREAM
    assert read(reader, SETTINGS)[0].kind == Kind.SETTINGS


@pytest.mark.parametrize(
    "other",
    [
        frame(Kind.CONTINUATION, END_HEADERS, 3, b"b"),
        frame(Kind.DATA, 0, 1, b"b"),
        frame(Kind.HEADERS, END_HEADERS, 1, b"b"),
        frame(Kind.PING, 0, 0, bytes(8)),
        frame(99, 0, 1),
    ],
)
def test_nothing_may_be_between_a_heads_frames(other: bytes) -> None:
    assert broken_by(frame(Kind.HEADERS, 0, 1, b"a") + other) == Code.PROTOCOL_ERROR


def test_a_head_is_at_most_so_large_when_packed() -> None:
    assert len(read(greeted(), frame(Kind.HEADERS, END_HEADERS, 1, bytes(LARGEST_HEAD)))) == 1
    assert broken_by(frame(Kind.HEADERS, END_HEADERS, 1, bytes(LARGEST_HEAD + 1))) == Code.ENHANCE_YOUR_CALM
    begun = frame(Kind.HEADERS, 0, 1, bytes(LARGEST_HEAD - 1))
    assert len(read(greeted(), begun + frame(Kind.CONTINUATION, END_HEADERS, 1, b"a"))) == 1
    assert broken_by(begun + frame(Kind.CONTINUATION, 0, 1, b"ab")) == Code.ENHANCE_YOUR_CALM


def test_a_head_is_in_at_most_so_many_frames() -> None:
    begun, more = frame(Kind.HEADERS, 0, 1), frame(Kind.CONTINUATION, 0, 1)
    assert not read(greeted(), begun + 63 * more)
    assert broken_by(begun + 64 * more) == Code.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        (Kind.PRIORITY, [0, 4, 6]),
        (Kind.RST_STREAM, [0, 3, 5]),
        (Kind.SETTINGS, [1, 5, 7]),
        (Kind.PING, [0, 7, 9]),
        (Kind.GOAWAY, [0, 7]),
        (Kind.WINDOW_UPDATE, [0, 3, 5]),
    ],
)
def test_frames_have_the_size_of_their_kind(kind: Kind, sizes: list[int]) -> None:
    stream = 0 if kind in (Kind.SETTINGS, Kind.PING, Kind.GOAWAY) else 1
    for size in sizes:
        assert broken_by(frame(kind, 0, stream, bytes(size))) == Code.FRAME_SIZE_ERROR
    assert broken_by(frame(Kind.SETTINGS, ACK, 0, bytes(6))) == Code.FRAME_SIZE_ERROR


@pytest.mark.parametrize(
    ("kind", "size", "stream"),
    [
        (Kind.SETTINGS, 0, 1),
        (Kind.PING, 8, 1),
        (Kind.GOAWAY, 8, 1),
        (Kind.PRIORITY, 5, 0),
        (Kind.RST_STREAM, 4, 0),
    ],
)
def test_frames_are_where_their_kind_may_be(kind: Kind, size: int, stream: int) -> None:
    assert broken_by(frame(kind, 0, stream, bytes(size))) == Code.PROTOCOL_ERROR
    assert len(read(greeted(), frame(kind, 0, 1 - stream, bytes(size)))) == 1


def test_it_says_what_it_waits_for() -> None:
    reader = greeted()
    read(reader, frame(Kind.DATA, 0, 1, bytes(100))[:50])
    assert repr(reader) == "<FrameReader 50 bytes of 109>"
