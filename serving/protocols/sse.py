"""Server-sent events, as Triton's and OpenAI's streams use them: no names, no ids, one line of data each.

Rule: what is sent is compact JSON or a word, so it has no line breaks.
"""

CONTENT_TYPE = "text/event-stream; charset=utf-8"


def event(data: bytes) -> bytes:
    return b"data: %b\n\n" % data
