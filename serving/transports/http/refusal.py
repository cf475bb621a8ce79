"""What a connection says before it hangs up on what it does not take. Rule: JSON, as every other error."""

from http import HTTPStatus

import orjson


class Refused(Exception):
    """Raised while a request is parsed; it is not taken."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


def refusal(status: HTTPStatus, message: str) -> bytes:
    """A whole reply, the connection's last."""
    body = orjson.dumps({"error": message})
    retry = "retry-after: 1\r\n" if status is HTTPStatus.SERVICE_UNAVAILABLE else ""
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\ncontent-type: application/json\r\n{retry}"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode() + body
