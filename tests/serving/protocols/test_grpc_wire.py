import gzip
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from urllib.parse import unquote

import pytest
from hpack import Decoder
from hypothesis import given
from hypothesis import strategies as st

from serving.protocols import grpc_wire
from serving.protocols.grpc_wire import (
    LARGEST_METADATA,
    CallHead,
    Message,
    Messages,
    Refused,
    prefixed,
    read_call,
    trailers,
    trailers_only,
)
from serving.protocols.http2.heads import Malformed, Pairs

PSEUDO = [(b":method", b"POST"), (b":scheme", b"http"), (b":path", b"/s/m"), (b":authority", b"host")]
PLAIN = [(b"te", b"trailers"), (b"content-type", b"application/grpc")]


def called(*fields: tuple[bytes, bytes]) -> CallHead:
    return read_call([*PSEUDO, *PLAIN, *fields])


def refused(*fields: tuple[bytes, bytes], of: Pairs | None = None) -> Refused:
    head = called(*fields) if of is None else read_call(of)
    assert head.refused is not None
    assert (head.method, head.metadata, head.timeout, head.encoding) == ("/s/m", (), None, "identity")
    return head.refused


def unpacked(block: bytes) -> list[tuple[bytes, bytes]]:
    return [(bytes(name), bytes(value)) for name, value in Decoder().decode(block, raw=True)]


# heads


def test_a_plain_head_has_its_method_and_no_more() -> None:
    assert called() == CallHead("/s/m", (), None, "identity", None)


def test_metadata_is_what_is_not_the_protocols() -> None:
    head = called(
        (b"user-agent", b"grpc-go/1"),
        (b"grpc-timeout", b"1S"),
        (b"grpc-encoding", b"gzip"),
        (b"grpc-accept-encoding", b"gzip"),
        (b"host", b"a"),
        (b"authorization", b"Bearer k"),
        (b"a", b"1"),
        (b"a", b" \xe9 "),
    )
    assert head.metadata == (("user-agent", "grpc-go/1"), ("authorization", "Bearer k"), ("a", "1"), ("a", " é "))
    assert (head.timeout, head.encoding, head.refused) == (1.0, "gzip", None)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (b"2H", 7200.0),
        (b"3M", 180.0),
        (b"4S", 4.0),
        (b"5m", 0.005),
        (b"6u", 6e-6),
        (b"7n", 7e-9),
        (b"0S", 0.0),
        (b"00000001S", 1.0),
        (b"99999999H", 99_999_999 * 3600.0),
    ],
)
def test_a_timeout_has_a_unit(text: bytes, seconds: float) -> None:
    assert called((b"grpc-timeout", text)).timeout == pytest.approx(seconds)


@pytest.mark.parametrize("text", [b"", b"S", b"1", b"1s", b"1h", b"-1S", b"1.5S", b"1 S", b"123456789S", b"\xb2S"])
def test_a_timeout_that_is_none_is_refused(text: bytes) -> None:
    error = refused((b"grpc-timeout", text))
    assert (error.code, error.http) == (grpc_wire.INVALID_ARGUMENT, 200)
    assert "grpc-timeout must be 1 to 8 digits and a unit" in str(error)


@pytest.mark.parametrize("encoding", [b"br", b"GZIP", b"", b"gzip,identity", b"\xff"])
def test_an_encoding_that_nobody_knows_is_unimplemented(encoding: bytes) -> None:
    error = refused((b"grpc-encoding", encoding))
    assert error.code == grpc_wire.UNIMPLEMENTED
    assert "there are identity, deflate, gzip" in str(error)


@pytest.mark.parametrize("value", [b"AAH/", b"AAE=", b"AAE", b"AA==", b"AA", b""])
def test_binary_metadata_may_be_padded_and_need_not(value: bytes) -> None:
    expected = {b"AAH/": b"\x00\x01\xff", b"AAE": b"\x00\x01", b"AA": b"\x00", b"": b""}[value.rstrip(b"=")]
    assert called((b"a-bin", value)).metadata == (("a-bin", expected),)


def test_binary_metadata_that_was_joined_on_the_way_is_apart_again() -> None:
    assert called((b"a-bin", b"AA,AAE=, AAH/")).metadata == (
        ("a-bin", b"\x00"),
        ("a-bin", b"\x00\x01"),
        ("a-bin", b"\x00\x01\xff"),
    )
    assert called((b"a", b"1,2")).metadata == (("a", "1,2"),)


@pytest.mark.parametrize("value", [b"A", b"A!==", b"AA=A", b"====", b"\xff\xff", b"A A="])
def test_binary_metadata_that_is_no_base64_is_refused(value: bytes) -> None:
    error = refused((b"a-bin", value))
    assert error.code == grpc_wire.INVALID_ARGUMENT
    assert str(error) == "the value of 'a-bin' is not base64"


def test_metadata_has_a_largest_size_in_which_all_counts() -> None:
    size = sum(len(name) + len(value) + 32 for name, value in [*PSEUDO, *PLAIN])
    most = LARGEST_METADATA - size - 33
    assert called((b"a", bytes(b"x" * most))).refused is None
    error = refused((b"a", b"x" * (most + 1)))
    assert error.code == grpc_wire.RESOURCE_EXHAUSTED
    assert "received metadata size exceeds limit: it is 16385 bytes" in str(error)


@pytest.mark.parametrize(
    ("kind", "is_grpc"),
    [
        (b"application/grpc", True),
        (b"application/grpc+proto", True),
        (b"Application/gRPC+json; charset=utf-8", True),
        (b"application/grpc;x=y", True),
        (b"application/grpc-web", False),
        (b"application/grpcx", False),
        (b"application/json", False),
        (b"", False),
    ],
)
def test_another_content_type_is_no_grpc(kind: bytes, is_grpc: bool) -> None:
    head = read_call([*PSEUDO, (b"content-type", kind)])
    assert (head.refused is None) == is_grpc
    if head.refused is not None:
        assert (head.refused.code, head.refused.http) == (grpc_wire.UNKNOWN, 415)
    assert refused(of=PSEUDO).http == 415


def test_calls_are_posted() -> None:
    error = refused(of=[(b":method", b"GET"), *PSEUDO[1:], *PLAIN])
    assert (error.code, error.http) == (grpc_wire.UNKNOWN, 405)


@pytest.mark.parametrize(
    "pairs",
    [
        [],
        [*PSEUDO[1:], *PLAIN],
        [*PSEUDO[:2], *PLAIN],
        [PSEUDO[0], *PSEUDO[2:], *PLAIN],
        [*PSEUDO, PSEUDO[0], *PLAIN],
        [*PSEUDO[:3], *PLAIN, PSEUDO[3]],
        [*PSEUDO, (b":status", b"200"), *PLAIN],
        [*PSEUDO, *PLAIN, (b"Upper", b"a")],
        [*PSEUDO, *PLAIN, (b"connection", b"close")],
        [*PSEUDO, *PLAIN, (b"te", b"gzip")],
        [*PSEUDO, *PLAIN, (b"a", b"b\r\nc: d")],
    ],
)
def test_what_is_no_head_is_malformed_and_may_be_trailers_where_it_is_not_half_a_head(
    pairs: Pairs,
) -> None:
    with pytest.raises(Malformed) as malformed:
        read_call(pairs)
    assert malformed.value.may_end_one == (not pairs)


def test_trailers_of_a_request_are_no_head_of_one() -> None:
    with pytest.raises(Malformed) as malformed:
        read_call([(b"checksum", b"1"), (b"other", b"2")])
    assert malformed.value.may_end_one


NAMES = st.binary(max_size=8) | st.sampled_from([b":path", b":method", b":scheme", b"a-bin", b"te", b"grpc-timeout"])


@given(st.lists(st.tuples(NAMES, st.binary(max_size=12))), st.booleans())
def test_any_head_is_understood_refused_or_malformed(pairs: Pairs, is_whole: bool) -> None:
    with suppress(Malformed):
        read_call([*PSEUDO, *PLAIN, *pairs] if is_whole else pairs)


# messages


def messages(encoding: str = "identity", largest: int = 100) -> Messages:
    return Messages(encoding, largest)


@given(st.lists(st.binary(max_size=50), max_size=6), st.lists(st.integers(0, 400), max_size=20))
def test_messages_are_the_same_wherever_a_body_is_cut(bodies: list[bytes], cuts: list[int]) -> None:
    data, reading = b"".join(map(prefixed, bodies)), messages()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    read = [message for start, end in pairwise(edges) for message in reading.read(data[start:end])]
    assert [message.unpacked() for message in read] == bodies
    assert not reading.is_amid


def test_a_message_comes_with_its_last_byte() -> None:
    reading, data = messages(), prefixed(b"abc")
    for at in range(len(data) - 1):
        assert reading.read(data[at : at + 1]) == []
        assert reading.is_amid
    assert repr(reading) == "<Messages 7 bytes of 8>"
    assert reading.read(data[-1:] + data[:2]) == [Message(b"abc", "identity", 100)]
    assert reading.is_amid
    assert reading.read(data[2:]) == [Message(b"abc", "identity", 100)]
    assert not reading.is_amid


def test_a_message_may_have_nothing_in_it() -> None:
    assert [each.data for each in messages(largest=0).read(prefixed(b"") * 3)] == [b""] * 3


def test_a_message_that_is_too_large_is_refused_by_what_it_says() -> None:
    assert messages().read(prefixed(bytes(100)))[0].data == bytes(100)
    with pytest.raises(Refused, match="larger than max: it has 101 bytes, the server accepts 100") as error:
        messages().read(prefixed(bytes(101))[:5])
    assert error.value.code == grpc_wire.RESOURCE_EXHAUSTED
    assert messages(largest=-1).read(b"\0\xff\xff\xff\xff") == []


@pytest.mark.parametrize("flag", [2, 3, 128, 255])
def test_a_first_byte_that_says_nothing_is_refused(flag: int) -> None:
    with pytest.raises(Refused, match=f"must be 0 or, for a compressed one, 1, and is {flag}") as error:
        messages("gzip").read(bytes([flag, 0, 0, 0, 0]))
    assert error.value.code == grpc_wire.INTERNAL


def test_compressed_in_a_call_that_is_not_is_refused() -> None:
    with pytest.raises(Refused, match="has no grpc-encoding") as error:
        messages().read(b"\1\0\0\0\0")
    assert error.value.code == grpc_wire.INTERNAL


def packings(body: bytes) -> Iterator[tuple[str, bytes]]:
    yield "gzip", gzip.compress(body)
    yield "deflate", zlib.compress(body)


def flagged(packed: bytes) -> bytes:
    return b"\1" + prefixed(packed)[1:]


@given(st.binary(max_size=100))
def test_each_message_says_whether_it_is_compressed(body: bytes) -> None:
    for encoding, packed in packings(body):
        first, second = Messages(encoding, 200).read(flagged(packed) + prefixed(body))
        assert first.is_packed
        assert not second.is_packed
        assert first.unpacked() == second.unpacked() == body


@pytest.mark.parametrize("largest", [-1, 0, 1, 99, 100])
def test_the_largest_size_is_that_of_the_unpacked_message(largest: int) -> None:
    for encoding, packed in packings(bytes(max(0, largest))):
        assert Message(packed, encoding, largest).unpacked() == bytes(max(0, largest))
    for encoding, packed in packings(bytes(largest + 1)):
        if largest >= 0:
            with pytest.raises(Refused, match=f"more bytes when unpacked, the server accepts {largest}") as error:
                Message(packed, encoding, largest).unpacked()
            assert error.value.code == grpc_wire.RESOURCE_EXHAUSTED


def test_a_bomb_is_not_unpacked() -> None:
    for encoding, packed in packings(bytes(50_000_000)):
        tracemalloc.start()
        try:
            with pytest.raises(Refused, match="larger than max"):
                Message(packed, encoding, 100_000).unpacked()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 1_000_000


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_message_that_is_cut_short_is_refused(body: bytes, data: st.DataObject) -> None:
    for encoding, packed in packings(body):
        short = packed[: data.draw(st.integers(0, len(packed) - 1))]
        with pytest.raises(Refused, match="is cut short") as error:
            Message(short, encoding, 100).unpacked()
        assert error.value.code == grpc_wire.INTERNAL


@pytest.mark.parametrize("more", [b"\0", b"garbage", gzip.compress(b"more", mtime=0)])
def test_a_message_that_goes_on_after_its_end_is_refused(more: bytes) -> None:
    for encoding, packed in packings(b"body"):
        with pytest.raises(Refused, match=f"goes on after the end of its {encoding}") as error:
            Message(packed + more, encoding, 100).unpacked()
        assert error.value.code == grpc_wire.INTERNAL


@pytest.mark.parametrize(("encoding", "other"), [("gzip", zlib.compress(b"a")), ("deflate", b"plain text")])
def test_a_message_that_is_packed_otherwise_is_refused(encoding: str, other: bytes) -> None:
    with pytest.raises(Refused, match=f"a message is no {encoding}") as error:
        Message(other, encoding, 100).unpacked()
    assert error.value.code == grpc_wire.INTERNAL


@given(st.binary(max_size=60), st.sampled_from(["identity", "gzip", "deflate"]))
def test_any_body_is_read_or_refused(body: bytes, encoding: str) -> None:
    with suppress(Refused):
        for message in messages(encoding, 50).read(body):
            assert len(message.unpacked()) <= 50


# how a call ends


def test_a_call_that_went_well_ends_with_its_status_alone() -> None:
    assert unpacked(trailers(grpc_wire.OK)) == [(b"grpc-status", b"0")]


def test_one_that_did_not_says_why() -> None:
    assert unpacked(trailers(13, "no: 100%", [("a", "é"), ("b-bin", b"\0\1")])) == [
        (b"grpc-status", b"13"),
        (b"grpc-message", b"no: 100%25"),
        (b"a", b"\xe9"),
        (b"b-bin", b"AAE"),
    ]


def test_one_that_was_not_begun_ends_with_a_head_that_is_all() -> None:
    assert unpacked(trailers_only(12, "which?")) == [
        (b":status", b"200"),
        (b"content-type", b"application/grpc"),
        (b"grpc-status", b"12"),
        (b"grpc-message", b"which?"),
    ]
    assert unpacked(trailers_only(2, "", (), 415))[0] == (b":status", b"415")


def test_before_messages_comes_what_may_be_sent() -> None:
    head = dict(unpacked(grpc_wire.HEAD))
    assert head == {
        b":status": b"200",
        b"content-type": b"application/grpc",
        b"grpc-accept-encoding": b"identity,deflate,gzip",
    }


@given(st.text(max_size=200))
def test_texts_arrive_as_they_were(text: str) -> None:
    encoded = dict(unpacked(trailers(2, text))).get(b"grpc-message", b"")
    assert all(0x20 <= byte <= 0x7E for byte in encoded)
    assert unquote(encoded.decode("ascii")) == text


def test_half_of_a_character_is_no_reason_to_say_nothing() -> None:
    assert unpacked(trailers(2, "a\ud800b"))[1] == (b"grpc-message", b"a?b")


@given(st.lists(st.binary(max_size=20), max_size=4))
def test_binary_metadata_arrives_as_it_was(values: list[bytes]) -> None:
    written = unpacked(trailers(0, "", [("a-bin", value) for value in values]))[1:]
    assert called(*written).metadata == tuple(("a-bin", value) for value in values)


def test_a_message_is_written_with_its_length() -> None:
    assert prefixed(b"x" * 300) == b"\0\0\0\x01\x2c" + b"x" * 300
