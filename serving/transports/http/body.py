"""A request's body in one piece, its tensors where a runtime can use them in place.

Rule: copied once at most; a small body arrives in one piece and is not copied at all.
"""

from fastapi import Request

from serving.errors import InvalidInput
from serving.transports.http.aligned_memory import aligned


async def read_body(request: Request, header_length: int) -> bytes | memoryview:
    """What follows `header_length` bytes is aligned in memory, unless the body came in one piece.

    Raises what `request.stream` does: `ClientDisconnect`, and a body that is too large.
    """
    chunks = [chunk async for chunk in request.stream() if chunk]
    if len(chunks) <= 1:
        return chunks[0] if chunks else b""
    body = aligned(sum(map(len, chunks)), header_length)
    position = 0
    for chunk in chunks:
        body[position : position + len(chunk)] = chunk
        position += len(chunk)
    return body


async def plain_body(request: Request) -> bytes:
    """The body of a route that takes no compressed ones; raises `InvalidInput` for those."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise InvalidInput("Unsupported content-encoding, only 'identity' is supported.")
    return await request.body()
