"""The least that a server in Python can do: HTTP's bytes in, `session.run` over what came together, HTTP's bytes out.

    python -m loadtests.benchmarks.bare_server model.onnx 8080

Rule: a limit for benchmarks, not a server. It looks at no path, header or error, and takes one row of floats to be what
a body ends with.
"""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import uvloop

from loadtests.benchmarks.bench_models import MAX_BATCH_SIZE


class Batch:
    """Rows that came in one turn of the event loop; they run at its end, in the loop's own thread."""

    def __init__(self, model: Path) -> None:
        self._session = onnxruntime.InferenceSession(str(model), providers=["CPUExecutionProvider"])
        [given], [taken] = self._session.get_inputs(), self._session.get_outputs()
        self._shape = given.shape[1:]
        self.row_bytes = 4 * int(np.prod(self._shape))
        size = 4 * taken.shape[1]
        tensor = {"name": "y", "datatype": "FP32", "shape": [1, taken.shape[1]]}
        document = {"outputs": [{**tensor, "parameters": {"binary_data_size": size}}]}
        head = json.dumps(document).encode()
        self._head = (
            f"HTTP/1.1 200 OK\r\nInference-Header-Content-Length: {len(head)}\r\nContent-Length: {len(head) + size}"
            "\r\n\r\n"
        ).encode() + head
        self._waiting: list[tuple[asyncio.Transport, bytes]] = []

    def add(self, transport: asyncio.Transport, row: bytes) -> None:
        if not self._waiting:
            asyncio.get_running_loop().call_soon(self._run)
        self._waiting.append((transport, row))

    def _run(self) -> None:
        waiting, self._waiting = self._waiting, []
        for start in range(0, len(waiting), MAX_BATCH_SIZE):
            batch = waiting[start : start + MAX_BATCH_SIZE]
            rows = np.frombuffer(b"".join([row for _, row in batch]), np.float32).reshape(-1, *self._shape)
            [answers] = self._session.run(None, {"x": rows})
            for (transport, _), answer in zip(batch, answers, strict=True):
                transport.write(self._head + answer.tobytes())


class Connection(asyncio.Protocol):
    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._came = b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        came = self._came + data if self._came else data
        head, _, body = came.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or -1)
        if length < 0 or len(body) < length:
            self._came = came
            return
        self._came = b""
        self._batch.add(self._transport, body[-self._batch.row_bytes :])


async def serve(model: Path, port: int) -> None:
    batch = Batch(model)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(batch), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
