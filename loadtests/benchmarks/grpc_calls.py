"""gRPC's `ModelInfer` of Slipway beside Triton's, beside another checkout's, and beside a server that does nothing.

    python -m loadtests.benchmarks.grpc_calls                             # tables for people, one JSON line last
    TRITONSERVER=/opt/tritonserver/bin/tritonserver python -m loadtests.benchmarks.grpc_calls --before ../before

Rule: one server runs at a time, all take turns in every round, and none is measured before it answered a row as
`session.run` does.
"""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import grpc
import numpy as np
import typer
from tritonclient.grpc.service_pb2 import ModelInferRequest, ModelInferResponse
from tritonclient.grpc.service_pb2_grpc import GRPCInferenceServiceStub

from loadtests.benchmarks.bench import Counts, Names, Rounds, Seconds, Subject, Triton, prepared
from loadtests.benchmarks.bench_models import MODELS, Model
from loadtests.benchmarks.bench_report import Turns, figures, show_all
from loadtests.benchmarks.contestants import triton_at
from loadtests.benchmarks.h2load import by_h2load, program
from loadtests.benchmarks.peer_process import Command, free_port, started_by
from loadtests.benchmarks.report import last_line, run_command
from loadtests.benchmarks.server_process import ROOT, Server, ServerFailed, started

METHOD = "/inference.GRPCInferenceService/ModelInfer"
REFERENCE = "slipway"

_STARTS_WITHIN = 120.0  # seconds

Start = Callable[[Path, Model], AbstractContextManager[Server]]
"""A server of a repository's model, whose port is gRPC's."""


def main(
    model: Names = None,
    concurrency: Counts = None,
    rounds: Rounds = 3,
    seconds: Seconds = 3,
    before: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Another checkout of Slipway.")
    ] = None,
    triton: Triton = "",
) -> None:
    """Calls a second, and what a server spends on each. `grpc.aio` is grpc's server for asyncio, which answers the same
    bytes to everybody."""
    program()
    servers: dict[str, Start] = {REFERENCE: partial(_slipway, ROOT), "grpc.aio": _bare}
    if before is not None:
        servers["before"] = partial(_slipway, before.resolve())
    if triton:
        servers["triton"] = partial(_peer, triton)
    models = [each for each in MODELS if each.name in (model or [m.name for m in MODELS])]
    turns: dict[str, Turns] = {each.name: {} for each in models}
    with tempfile.TemporaryDirectory() as folder:
        subjects = [prepared(Path(folder), each, with_direct=False) for each in models]
        for number in range(rounds):
            for subject in subjects:
                for name in list(servers)[:: -1 if number % 2 else 1]:
                    found = take_turn(servers[name], Path(folder), subject, concurrency or [1, 16, 64], seconds)
                    for count, load in found.items():
                        turns[subject.model.name].setdefault((name, count), []).append(load)
    show_all(models, turns, REFERENCE)
    last_line(
        {
            "cores": os.cpu_count(),
            "rounds": rounds,
            "seconds": seconds,
            **{each.name: figures(turns[each.name], REFERENCE) for each in models},
        }
    )


def take_turn(start: Start, repository: Path, subject: Subject, counts: list[int], seconds: int) -> Mapping[int, Any]:
    """By connections. Raises `ServerFailed`."""
    asked = request(subject.model)
    found = {}
    with start(repository, subject.model) as server:
        check(server, asked, subject)
        for count in counts:
            before, begun = server.cpu_seconds(), time.perf_counter()
            load = by_h2load(server.port, METHOD, asked.SerializeToString(), count, seconds)
            spent, took = server.cpu_seconds() - before, time.perf_counter() - begun
            found[count] = replace(load, cpu_us=spent / took / load.requests_per_s * 1e6)
    return found


def request(model: Model) -> ModelInferRequest:
    row = model.row()
    message = ModelInferRequest(model_name=model.name, raw_input_contents=[row.tobytes()])
    message.inputs.add(name="x", datatype="FP32", shape=row.shape)
    return message


def check(server: Server, asked: ModelInferRequest, subject: Subject) -> None:
    """Waits until it answers."""
    end = time.monotonic() + _STARTS_WITHIN
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = GRPCInferenceServiceStub(channel)
        while True:
            try:
                answer = stub.ModelInfer(asked, timeout=30)
                break
            except grpc.RpcError as error:
                if time.monotonic() > end:
                    raise ServerFailed(f"it did not answer: {error}") from error
                time.sleep(0.2)
    found = np.frombuffer(answer.raw_output_contents[0], np.float32)
    if not np.allclose(found, subject.expected.ravel(), rtol=1e-3, atol=1e-4):
        raise ServerFailed(f"it answered {found}, session.run {subject.expected}")


@contextmanager
def _slipway(code: Path, repository: Path, _: Model) -> Iterator[Server]:
    port = free_port()
    with started(repository, "--auto-tune-secs", "3", "--grpc-port", str(port), code=code) as server:
        yield Server(port, server.process)


@contextmanager
def _peer(triton: str, repository: Path, _: Model) -> Iterator[Server]:
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        doors = (f"--grpc-port={port}", "--allow-http=false")
        with started_by(triton_at(triton, repository.resolve(), Path(folder), *doors), port) as server:
            yield server


@contextmanager
def _bare(repository: Path, model: Model) -> Iterator[Server]:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(repository / model.name / "1" / "model.onnx"))
    [output] = session.run(None, {"x": model.row()})
    answer = ModelInferResponse(model_name=model.name, model_version="1", raw_output_contents=[output.tobytes()])
    answer.outputs.add(name=session.get_outputs()[0].name, datatype="FP32", shape=output.shape)
    port = free_port()
    command = [sys.executable, "-m", __spec__.name, "serve", str(port), answer.SerializeToString().hex()]
    with started_by(Command(command, ROOT), port) as server:
        yield server


async def serve(port: int, answer: bytes) -> None:
    """grpc's own server, with nothing behind it."""

    async def infer(_: bytes, __: Any) -> bytes:
        return answer

    _, service, method = METHOD.split("/")
    handlers = {method: grpc.unary_unary_rpc_method_handler(infer)}
    server = grpc.aio.server()
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(service, handlers)])
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    if sys.argv[1:2] == ["serve"]:
        import uvloop

        uvloop.run(serve(int(sys.argv[2]), bytes.fromhex(sys.argv[3])))
    else:
        run_command(main)
