import json
from http import HTTPStatus

import pytest

from serving.transports.http.refusal import refusal


@pytest.mark.parametrize(
    ("status", "retry"), [(HTTPStatus.REQUEST_TIMEOUT, False), (HTTPStatus.SERVICE_UNAVAILABLE, True)]
)
def test_it_is_a_whole_reply_that_says_why_and_when_to_come_again(status: HTTPStatus, retry: bool) -> None:
    head, _, body = refusal(status, 'no "more"').partition(b"\r\n\r\n")
    first, *headers = head.decode().split("\r\n")
    assert first == f"HTTP/1.1 {status.value} {status.phrase}"
    assert {"connection: close", "content-type: application/json", f"content-length: {len(body)}"} <= set(headers)
    assert ("retry-after: 1" in headers) == retry
    assert json.loads(body) == {"error": 'no "more"'}
