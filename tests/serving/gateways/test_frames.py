import pytest

from serving.gateways.frames import (
    Frame,
    Frames,
    Kind,
    Place,
    decode_headers,
    decode_place,
    encode,
    encode_headers,
    encode_place,
)

FRAMES = [
    Frame(Kind.ASK, 1, 150, b"/v2/models/m/infer", b"\0body\n"),
    Frame(Kind.CANCEL, 2**63, 0, b"", b""),
    Frame(Kind.ANSWER, 7, 200, b"a\nb", bytes(100_000)),
    Frame(Kind.STOP, 0, 0, b"", b""),
]
STREAM = b"".join(piece for it in FRAMES for piece in encode(Kind(it.kind), it.id, it.number, it.text, [it.body]))


@pytest.mark.parametrize("size", [1, 7, 24, 1000, 99_999, len(STREAM)])
def test_frames_come_out_whole_however_they_come_in(size: int) -> None:
    frames = Frames()
    pieces = [STREAM[start : start + size] for start in range(0, len(STREAM), size)]
    assert [frame for piece in pieces for frame in frames.feed(piece)] == FRAMES


def test_a_body_may_be_in_pieces() -> None:
    [frame] = Frames().feed(b"".join(encode(Kind.ANSWER, 1, 200, b"", [b"ab", memoryview(b"cd")])))
    assert frame.body == b"abcd"


@pytest.mark.parametrize("headers", [[], [(b"a", b"1")], [(b"a", b""), (b"content-type", b"text/plain; x=y")]])
def test_headers_are_what_they_were(headers: list[tuple[bytes, bytes]]) -> None:
    assert decode_headers(encode_headers(headers)) == headers


def test_a_place_is_what_it_was() -> None:
    assert decode_place(encode_place(Place(2**40, 3))) == Place(2**40, 3)
