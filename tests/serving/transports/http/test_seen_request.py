import pytest

from serving.transports.http.seen_request import Seen, seen
from serving.transports.http.tensor_request import Target

TARGET = Target("/v2/models/m/infer", "m", "", 2, 4)
HEAD = b"POST /v2/models/m/infer HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n"


@pytest.mark.parametrize("came", [b"", b"{", b"{}ab"])
def test_a_head_is_remembered_however_much_of_the_body_came_with_it(came: bytes) -> None:
    assert seen(TARGET, HEAD + came, b"{}ab") == Seen(HEAD, TARGET, len(HEAD) + 4)


@pytest.mark.parametrize("first", [b"", HEAD[:-1], b"\r\n" + HEAD, HEAD + b"other"])
def test_what_is_not_a_head_and_the_begin_of_its_body_is_not(first: bytes) -> None:
    assert seen(TARGET, first, b"{}ab") is None
