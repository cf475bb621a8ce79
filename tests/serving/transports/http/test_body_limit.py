from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest

from tests import tiny_models
from tests.running_server import running

PATHS = ["/v2/models/double/infer", "/v1/models/double/classify", "/v2/repository/index", "/v1/completions"]


@pytest.mark.parametrize("path", PATHS)
def test_a_body_over_the_limit_is_413_announced_or_not(tmp_path: Path, path: str) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, max_body_size=1000) as server:
        announced = httpx.post(server.url + path, content=bytes(1001))
        streamed = httpx.post(server.url + path, content=iter([bytes(600), bytes(600)]))
        for reply in (announced, streamed):
            assert reply.status_code == 413
            error = reply.json()["error"]
            told = error["message"] if path == "/v1/completions" else error
            assert "larger than the server accepts, 1000 bytes" in told
        assert httpx.post(server.url + path, content=bytes(1000)).status_code == 400


def test_a_form_over_the_limit_is_413(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, max_body_size=1000) as server:
        head = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        form = {"content-type": "multipart/form-data; boundary=x"}
        streamed = httpx.post(
            f"{server.url}/v1/models/double/classify", content=iter([head, bytes(900), bytes(900)]), headers=form
        )
        assert streamed.status_code == 413


def test_a_caller_that_sends_all_before_it_reads_gets_the_reply(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, max_body_size=1000) as server:
        caller = HTTPConnection("127.0.0.1", server.http_port, timeout=30)
        caller.request("POST", PATHS[0], bytes(20_000_000))
        assert caller.getresponse().status == 413
        caller.close()
