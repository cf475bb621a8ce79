"""A request that is ready to be sent. Rule: made before the load begins, so that sending it costs next to nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

Header = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Call:
    """An HTTP request, or with a gRPC method's full name as `path` and its message as `body` a gRPC one.

    `headers` are names with their values, beside those that every request has; `rows` is how many predictions it asks
    for. The answer of a `stream` is events, of which `hang_up_after` (0: all) are waited for.
    """

    path: str
    body: bytes = b""
    method: str = "POST"
    headers: tuple[Header, ...] = ()
    rows: int = 1
    stream: bool = False
    hang_up_after: int = 0

    def encoded(self, host: str = "localhost", headers: Iterable[Header] = (), below: str = "") -> bytes:
        """As HTTP/1.1 sends it, with more `headers` where a server wants them of every request, and its path `below`
        another one, where the server is behind a proxy."""
        lines = (
            f"{self.method} {below}{self.path} HTTP/1.1",
            f"Host: {host}",
            f"Content-Length: {len(self.body)}",
            *(f"{name}: {value}" for name, value in (*headers, *self.headers)),
        )
        return "\r\n".join((*lines, "\r\n")).encode() + self.body
