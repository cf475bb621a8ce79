"""A request whose head comes again, byte for byte, and so says the same.

Rule: what is not certain is not remembered.
"""

from typing import NamedTuple

from serving.transports.http.tensor_request import Target


class Seen(NamedTuple):
    """A head and, in bytes, the size of the whole request."""

    head: bytes
    target: Target
    size: int


def seen(target: Target, first: bytes, body: bytes) -> Seen | None:
    """`first` is what came first of the request, b"" where that is not known. None where it has not all of the head."""
    head, end, rest = first.partition(b"\r\n\r\n")
    if not end or not head.startswith(b"POST ") or not body.startswith(rest):
        return None
    head += end
    return Seen(head, target, len(head) + len(body))
