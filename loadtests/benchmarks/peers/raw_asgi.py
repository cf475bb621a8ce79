"""The least ASGI application, to compare the servers that run one: it reads a body and answers 168 bytes.

    pip install uvicorn uvloop httptools granian hypercorn
    uvicorn loadtests.benchmarks.peers.raw_asgi:app --http httptools --loop uvloop --no-access-log
    granian --interface asgi loadtests.benchmarks.peers.raw_asgi:app --loop uvloop --no-ws
    hypercorn loadtests.benchmarks.peers.raw_asgi:app -k uvloop
    wrk -t1 -c64 -d2s -s POST_OF_180_BYTES.lua http://127.0.0.1:8000/

Rule: whatever it costs is the server's.
"""

from typing import Any

_BODY = b"x" * 168
_HEADERS = [(b"content-type", b"application/octet-stream"), (b"content-length", b"%d" % len(_BODY))]


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    await send({"type": "http.response.body", "body": _BODY})
