import pytest

from loadtests.clients.said import said_in, shortened, status_said


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": "no such model"}', "no such model"),
        (b'{"error": {"message": "too long", "code": 400}}', "too long"),
        (b'{"detail": [{"loc": ["body"]}]}', '[{"loc": ["body"]}]'),
        (b"<h1>Bad\n Gateway</h1>", "<h1>Bad Gateway</h1>"),
        (b"\xff", "\ufffd"),
        (b"7", "7"),
    ],
)
def test_a_server_is_told_in_its_own_words(body: bytes, words: str) -> None:
    assert said_in(body) == words


def test_long_words_are_cut() -> None:
    assert len(shortened("a" * 1000)) == 303


@pytest.mark.parametrize(("error", "status"), [({"code": 429}, 429), ({"code": "x"}, 500), ("late", 500)])
def test_an_error_in_a_stream_may_say_its_status(error: object, status: int) -> None:
    assert status_said({"error": error}) == status
