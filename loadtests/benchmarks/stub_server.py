"""A server whose service times are known: one request after another, and stalls when it is told to.

It has a process of its own, so that it and what loads it don't wait for one another.
"""

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SELF = Path(__file__)


@contextmanager
def stub(service: float = 0.0, stall_at: int = -1, stall: float = 0.0, dies_at: int = -1) -> Iterator[str]:
    """Its URL. The `stall_at`-th request takes `stall` seconds, and all behind it wait; at the `dies_at`-th it ends.

    Answers with 200; under /status/N with that status, and under /events/N with a stream of N events.
    """
    words = [json.dumps([service, stall_at, stall, dies_at])]
    with subprocess.Popen(
        [sys.executable, str(_SELF), *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


class _Stub:
    def __init__(self, service: float, stall_at: int, stall: float, dies_at: int) -> None:
        self._service = service
        self._stall_at, self._stall, self._dies_at = stall_at, stall, dies_at
        self._free = 0.0
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            if head.startswith(b"GET "):  # it tells nothing of itself
                writer.write(b"HTTP/1.1 404 Not Found\r\n" + _sized(b""))
                continue
            if self._count == self._dies_at:
                sys.exit()
            if (wait := self._wait()) > 0:  # or else the next one may end it before this one is answered
                await asyncio.sleep(wait)
            writer.write(_reply(head.split(b" ")[1].decode()))
            await writer.drain()
        writer.close()

    def _wait(self) -> float:
        """Until it is done with those before and with this one."""
        now = time.monotonic()
        self._free = max(self._free, now) + (self._stall if self._count == self._stall_at else self._service)
        self._count += 1
        return self._free - now


async def _head(reader: asyncio.StreamReader) -> bytes:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0] or 0)
    await reader.readexactly(length)
    return head


def _reply(path: str) -> bytes:
    _, kind, number = (*path.split("/"), "", "")[:3]
    if kind == "events":
        events = "".join(f'data: {{"choices": [{{"text": "word{n}"}}]}}\n\n' for n in range(int(number)))
        body = f"{events}data: [DONE]\n\n".encode()
        return b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n" + _sized(body)
    if kind == "status":
        return f"HTTP/1.1 {number} Said\r\n".encode() + _sized(b'{"error": "told to"}')
    return b"HTTP/1.1 200 OK\r\n" + _sized(b"{}")


def _sized(body: bytes) -> bytes:
    return b"content-length: %d\r\n\r\n" % len(body) + body


async def _main() -> None:
    server = await asyncio.start_server(_Stub(*json.loads(sys.argv[1])).serve, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _end_with_whoever_started_it() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    threading.Thread(target=_end_with_whoever_started_it, daemon=True).start()
    asyncio.run(_main())
