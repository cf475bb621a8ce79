from serving.transports.http.tensor_request import LargeBody


def test_pieces_become_one_body() -> None:
    body = LargeBody(memoryview(bytearray(10)))
    body.append(b"abcd")
    assert body.so_far() == b"abcd"
    body.append(b"efghij")
    assert bytes(body.whole()) == b"abcdefghij"
    whole = body.whole()
    body.drop()
    assert (body.so_far(), bytes(whole)) == (b"", b"abcdefghij")
