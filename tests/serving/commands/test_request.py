import pytest

from serving.commands.request import ServerRefused, ServerUnreachable, post
from tests.running_server import RunningServer


def test_a_reply_is_parsed(tiny_server: RunningServer) -> None:
    rows = post(f"{tiny_server.url}/v2/repository/index", b"", timeout=30)
    assert {row["state"] for row in rows} == {"READY"}


def test_the_servers_own_words_are_passed_on(tiny_server: RunningServer) -> None:
    with pytest.raises(ServerRefused, match="404: Request for unknown model: 'nope' is not found"):
        post(f"{tiny_server.url}/v1/models/nope/classify", b"x", timeout=30)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/v2", "http://no.such.host.invalid", "http://"])
def test_no_server_is_said_with_what_to_do(url: str) -> None:
    with pytest.raises(ServerUnreachable, match="is `slipway serve` running"):
        post(url, b"", timeout=30)


@pytest.mark.parametrize("url", ["", "localhost:8000", "ftp://x"])
def test_an_address_without_its_scheme_is_said(url: str) -> None:
    with pytest.raises(ServerUnreachable, match="should start with http://"):
        post(url, b"", timeout=30)
