"""CPU microseconds that one request costs in each of the eight steps of docs/structure.md.

    python -m loadtests.benchmarks.steps                     # a table for people, one JSON line last
    python -m loadtests.benchmarks.steps --requests 5000

Rule: a step is what the process spends with it less what it spends without it, in one run, all threads counted; the
client of the whole server runs in a process of its own.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uvloop

from serving.core.requests import InferRequest
from serving.engine import fit
from serving.engine.engine import Engine
from serving.engine.execution import run_batch, run_rows
from serving.engine.pending import Pending
from serving.engine.served_model import ServedModel
from serving.protocols import v2_json
from serving.protocols.outputs import RequestedOutputs, Window
from serving.server import serve
from serving.settings import Settings
from serving.stopping import Stop

MODEL = "identity"
CONFIG = """backend: "onnxruntime" max_batch_size: 8
input { name: "x" data_type: TYPE_FP32 dims: -1 } output { name: "y" data_type: TYPE_FP32 dims: -1 }
dynamic_batching { }"""
GRAPH = '<ir_version: 10, opset_import: ["" : 21]> g (float[n, m] x) => (float[n, m] y) { y = Identity(x) }'

# Told a port, a number of requests and a request's length, it sends that request so often, one after another over one
# connection, reads every reply to its end, and says so.
CLIENT = """
import socket, sys
while words := sys.stdin.buffer.readline().split():
    port, count, length = map(int, words)
    request = sys.stdin.buffer.read(length)
    with socket.create_connection(("127.0.0.1", port)) as connection:
        reply = connection.makefile("rb")
        for _ in range(count):
            connection.sendall(request)
            size = 0
            while (line := reply.readline()) not in (b"\\r\\n", b""):
                if line.lower().startswith(b"content-length:"):
                    size = int(line.split(b":")[1])
            reply.read(size)
    print("done", flush=True)
"""


@dataclass(frozen=True, slots=True)
class Step:
    number: str
    name: str
    microseconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--requests", type=int, default=3000, help="requests for each figure")
    count: int = parser.parse_args().requests
    with tempfile.TemporaryDirectory() as folder:
        write_model(Path(folder))
        results = uvloop.run(measure(Path(folder), count))
    for size, found in results.items():
        print(f"\n{size}")
        for step in found:
            print(f"  {step.number:<6} {step.name:<44} {step.microseconds:8.1f} us")
    figures = {size: {step.name: round(step.microseconds, 1) for step in found} for size, found in results.items()}
    print(json.dumps(figures))


def write_model(root: Path) -> None:
    import onnx
    from onnx import parser

    folder = root / MODEL / "1"
    folder.mkdir(parents=True)
    (root / MODEL / "config.pbtxt").write_text(CONFIG)
    onnx.save(parser.parse_model(GRAPH), folder / "model.onnx")


async def measure(root: Path, count: int) -> dict[str, list[Step]]:
    """The server runs in this process, so that its own parts can be called without it; the client started before."""
    client = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CLIENT), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    stop, started = Stop(), asyncio.get_running_loop().create_future()
    settings = Settings(root, http_port=0, grpc_port=0, metrics_port=0, auto_tune_secs=0)
    serving = asyncio.create_task(serve(settings, started.set_result, stop))
    parts = await started
    caller = Caller(client, parts.http_port)
    try:
        return {
            "10 floats": await steps(parts.engine, caller, np.ones((1, 10), np.float32), count),
            "600 KB (150,000 floats)": await steps(parts.engine, caller, np.ones((1, 150_000), np.float32), count // 5),
        }
    finally:
        stop.now()
        await (await serving).close()
        client.terminate()
        await client.wait()


@dataclass(frozen=True, slots=True)
class Caller:
    client: asyncio.subprocess.Process
    port: int

    async def send(self, request: bytes, count: int) -> None:
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        self.client.stdin.write(f"{self.port} {count} {len(request)}\n".encode() + request)
        if await self.client.stdout.readline() != b"done\n":
            raise RuntimeError("the client failed")


async def steps(engine: Engine, caller: Caller, tensor: np.ndarray, count: int) -> list[Step]:
    body, header_length = request_body(tensor)
    model = engine.model(MODEL)
    assert isinstance(model, ServedModel)
    request, requested = decode(body, header_length)
    response = await engine.infer(request)
    instance = model._instances[0]
    pending = Pending(request.inputs, 1, (), 0.0, 0.0, asyncio.get_running_loop().create_future(), request.parameters)

    decoding = await cost(count, lambda: decode(body, header_length))
    fitting = await cost(count, lambda: look_up_and_fit(engine, model, request))
    running = await cost(count, lambda: run_batch(lambda batch: run_rows(instance, True, batch), [pending]))
    inferring = await cost(count, lambda: engine.infer(request))
    encoding = await cost(count, lambda: v2_json.encode_response(response, requested))
    whole = await cost_of_server(count, caller, http_request(body, header_length))
    return [
        Step("2", "decode: bytes -> InferRequest", decoding),
        Step("3", "look-up and fit", fitting),
        Step("5", "stack, run the model, split", running),
        Step("4,5,6", "future, queue, schedule, two thread crossings", inferring - fitting - running),
        Step("7", "encode: InferResponse -> bytes", encoding),
        Step("1,8", "HTTP: parse, read the body, reply", whole - decoding - inferring - encoding),
        Step("1-8", "all", whole),
    ]


def request_body(tensor: np.ndarray) -> tuple[bytes, int]:
    """Binary in, binary out, as tritonclient does."""
    document = {
        "inputs": [
            {
                "name": "x",
                "shape": tensor.shape,
                "datatype": "FP32",
                "parameters": {"binary_data_size": tensor.nbytes},
            }
        ],
        "parameters": {"binary_data_output": True},
    }
    header = json.dumps(document).encode()
    return header + tensor.tobytes(), len(header)


def decode(body: bytes, header_length: int) -> tuple[InferRequest, RequestedOutputs]:
    return v2_json.decode_request(MODEL, "", body, header_length, no_shared_memory)


def no_shared_memory(*_: object) -> Window:
    raise NotImplementedError


def look_up_and_fit(engine: Engine, model: ServedModel, request: InferRequest) -> None:
    engine.model(MODEL)
    fit.check(request, model.inputs, frozenset(), model.outputs, model.max_batch_size)
    fit.batch_key(request, model.inputs)


def http_request(body: bytes, header_length: int) -> bytes:
    return (
        f"POST /v2/models/{MODEL}/infer HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        f"Inference-Header-Content-Length: {header_length}\r\n\r\n"
    ).encode() + body


async def cost(count: int, act: Callable[[], object]) -> float:
    """CPU microseconds of one call, all threads of the process; what it returns is awaited if it can be."""
    for _ in range(count // 10 + 1):
        await _done(act())
    started = time.process_time()
    for _ in range(count):
        await _done(act())
    return (time.process_time() - started) / count * 1e6


async def cost_of_server(count: int, caller: Caller, request: bytes) -> float:
    await caller.send(request, count // 10 + 1)
    started = time.process_time()
    await caller.send(request, count)
    return (time.process_time() - started) / count * 1e6


async def _done(result: object) -> None:
    if isinstance(result, Awaitable):
        await result


if __name__ == "__main__":
    main()
