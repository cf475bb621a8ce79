import gzip
import tracemalloc
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.errors import BodyTooLarge, InvalidInput, Unsupported
from serving.protocols.compression import choose, compress, decompress

LIMIT = 10_000
CODINGS = ["identity", "gzip", "deflate"]


def raw_deflate(body: bytes) -> bytes:
    return zlib.compress(body, wbits=-15)


@given(st.binary(max_size=LIMIT), st.sampled_from(CODINGS))
def test_bodies_survive(body: bytes, encoding: str) -> None:
    assert decompress(compress(body, encoding), encoding, LIMIT) == body


@given(st.binary(max_size=LIMIT))
def test_clients_decompress_what_was_compressed(body: bytes) -> None:
    assert gzip.decompress(compress(body, "gzip")) == body
    assert zlib.decompress(compress(body, "deflate")) == body


@given(st.binary(max_size=LIMIT), st.integers(0, 9))
def test_a_bare_deflate_stream_is_deflate_too(body: bytes, level: int) -> None:
    assert decompress(zlib.compress(body, level, wbits=-15), "deflate", LIMIT) == body


@given(st.lists(st.binary(max_size=100), min_size=1, max_size=20))
def test_gzip_may_have_several_members(bodies: list[bytes]) -> None:
    members = b"".join(gzip.compress(body) for body in bodies)
    assert decompress(members, "gzip", LIMIT) == b"".join(bodies)


def test_a_body_of_many_chunks() -> None:
    body = b"".join(i.to_bytes(4, "big") for i in range(200_000))
    for compressed in (gzip.compress(body, 0), gzip.compress(body), gzip.compress(body, 0) + gzip.compress(body, 0)):
        assert decompress(compressed, "gzip", 2_000_000) == gzip.decompress(compressed)


@given(st.binary(), st.sampled_from(["gzip", "deflate"]))
def test_any_bytes_are_understood_or_refused(body: bytes, encoding: str) -> None:
    with suppress(InvalidInput):
        assert len(decompress(body, encoding, LIMIT)) <= LIMIT


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_body_that_ends_too_early(encoding: str) -> None:
    whole = compress(bytes(range(256)), encoding)
    for length in range(len(whole)):
        with pytest.raises(InvalidInput, match=f"decompress the request's body as {encoding}: it ends too early"):
            decompress(whole[:length], encoding, LIMIT)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(b"a") + b"garbage", "gzip"),
        (gzip.compress(b"a") + bytes(8), "gzip"),
        (zlib.compress(b"a") + b"x", "deflate"),
        (raw_deflate(b"a") + b"x", "deflate"),
        (zlib.compress(b"a")[:-1] + b"x", "deflate"),
        (zlib.compress(b"a"), "gzip"),
        (b"plain text", "gzip"),
        (b"plain text", "deflate"),
    ],
)
def test_corrupt_bodies(body: bytes, encoding: str) -> None:
    with pytest.raises(InvalidInput, match=f"failed to decompress the request's body as {encoding}"):
        decompress(body, encoding, LIMIT)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_the_limit_counts_decompressed_bytes(encoding: str) -> None:
    body = compress(bytes(LIMIT), encoding)
    assert decompress(body, encoding, LIMIT) == bytes(LIMIT)
    with pytest.raises(BodyTooLarge, match=r"exceeds the maximum allowed value of 9999 bytes\. Use --max-body-size"):
        decompress(body, encoding, LIMIT - 1)


def test_members_add_up_to_the_limit() -> None:
    with pytest.raises(BodyTooLarge):
        decompress(gzip.compress(bytes(600)) * 2, "gzip", 1000)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_bomb_is_not_inflated_past_the_limit(encoding: str) -> None:
    bomb = compress(bytes(500_000_000), encoding)
    limit = 1_000_000
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            decompress(bomb, encoding, limit)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5 * limit


def test_empty_members_without_end_are_refused() -> None:
    with pytest.raises(InvalidInput, match="more than 4096 members"):
        decompress(gzip.compress(b"") * 5000, "gzip", LIMIT)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, deflate", "x"])
def test_other_types_are_unsupported(encoding: str) -> None:
    with pytest.raises(Unsupported, match=f"Unsupported compression type '{encoding}'"):
        decompress(b"a", encoding, LIMIT)


@pytest.mark.parametrize(("encoding", "body"), [("GZIP", gzip.compress(b"a")), (" ", b"a"), ("identity", b"a")])
def test_names_of_codings_are_read_kindly(encoding: str, body: bytes) -> None:
    assert decompress(body, encoding, LIMIT) == b"a"


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        ("", "identity"),
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("GZip", "gzip"),
        ("br", "identity"),
        ("gzip, deflate", "gzip"),
        ("deflate, gzip", "deflate"),
        ("identity, gzip", "identity"),
        ("gzip, deflate, br, zstd", "gzip"),
        ("gzip;q=0.5, deflate;q=0.8", "deflate"),
        ("gzip;q=0.5,identity;q=0.4", "gzip"),
        ("gzip ; q=0.5 , deflate;q=.6", "deflate"),
        ("gzip;q=0", "identity"),
        ("gzip;q=0.000", "identity"),
        ("*", "identity"),
        ("*;q=0", "identity"),
        ("identity;q=0, *", "gzip"),
        ("identity;q=0, gzip;q=0, *;q=0.1", "deflate"),
        ("gzip;q=0.5, *;q=0.1", "gzip"),
        ("identity;q=0", "identity"),
        ("gzip;q=much", "identity"),
        ("gzip;q=nan, deflate;q=0.1", "deflate"),
        ("gzip;level=1", "identity"),
        (";q=1", "identity"),
        (",,,gzip", "gzip"),
        (";;;==\x00", "identity"),
    ],
)
def test_the_highest_weight_wins_and_of_equal_ones_the_first(header: str, chosen: str) -> None:
    assert choose(header) == chosen


@given(st.text())
def test_any_header_has_an_answer(header: str) -> None:
    assert choose(header) in CODINGS
