"""The gRPC server: Triton's service, gRPC's health service, and reflection, for tools that ask what there is."""

import asyncio
import socket
import ssl

from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2_grpc

from serving.access.gate import Gate
from serving.engine.engine import Engine
from serving.engine.trace_registry import TraceRegistry
from serving.log import Logging
from serving.recording.recorder import Recorder
from serving.transports.grpc import service
from serving.transports.grpc.calls import Calls, Unary
from serving.transports.grpc.door import GuardedServer
from serving.transports.grpc.fast_calls import FastCalls
from serving.transports.grpc.health import Health
from serving.transports.grpc.inference import infer_rpc
from serving.transports.grpc.models import model_rpcs, server_rpcs
from serving.transports.grpc.recorded_calls import RecordedStreams, recorded_infer, unwatched
from serving.transports.grpc.repository import repository_rpcs
from serving.transports.grpc.rpc_limits import RpcLimits
from serving.transports.grpc.rpc_server import RpcServer
from serving.transports.grpc.service import Rpc
from serving.transports.grpc.settings import settings_rpcs
from serving.transports.grpc.shared_memory import cuda_shared_memory_rpcs, system_shared_memory_rpcs
from serving.transports.grpc.statistics import statistics_rpcs
from serving.transports.grpc.stream import stream_rpc
from serving.transports.held_memory import HeldMemory
from serving.transports.observer import UNOBSERVED, Observer
from serving.transports.shared_memory import SharedMemoryRegions


class GrpcServer:
    """Made on the event loop that it runs on, by `listen`, `start`, `stop` and `close` in this order."""

    def __init__(
        self,
        engine: Engine,
        regions: SharedMemoryRegions,
        traces: TraceRegistry,
        logs: Logging,
        extensions: list[str],
        limits: RpcLimits,
        recorder: Recorder | None,
        memory: HeldMemory,
        gate: Gate,
        observer: Observer = UNOBSERVED,
    ) -> None:
        self.calls = Calls(observer)
        self._health = Health(lambda: engine.ready)
        self._fast = FastCalls(engine, memory, self.calls, gate.is_open, limits.largest, observer)
        ask_fast = self._fast.ask if recorder is None else None
        self._server = RpcServer(limits, memory.beside(), ask_fast)
        unary = {
            **server_rpcs(engine, extensions),
            **model_rpcs(engine),
            **repository_rpcs(engine),
            **statistics_rpcs(engine),
            **system_shared_memory_rpcs(regions),
            **cuda_shared_memory_rpcs(regions),
            **settings_rpcs(engine.is_model_ready, traces, logs),
        }
        infer = infer_rpc(engine, regions, memory)
        watch = unwatched if recorder is None else RecordedStreams(recorder)
        if recorder is not None:
            infer = recorded_infer(infer, recorder)
        stream = stream_rpc(engine, regions, self.calls.exiting, watch, memory, observer)
        others = {
            "ModelInfer": self.calls.timed("ModelInfer", infer),
            "ModelStreamInfer": self.calls.streaming("ModelStreamInfer", stream),
        }
        self._add_services(unary, others, gate)

    def __repr__(self) -> str:
        return f"<GrpcServer {self.calls}>"

    def listen(self, listening: socket.socket, tls: ssl.SSLContext | None = None) -> None:
        """There, once it is started."""
        self._listening = listening, tls

    async def start(self) -> None:
        await self._server.start(*self._listening)

    def set_accepting(self, is_accepting: bool) -> None:
        """What the health service says from now on."""
        self._health.set_serving(is_accepting)

    def leave(self) -> None:
        """Callers that are connected shall go elsewhere; who comes nevertheless is answered."""
        self._server.leave()

    async def stop(self, timeout: float) -> int:
        """Refuse new calls at once, and let those that run end; how many did not within `timeout` seconds.

        What is asked until `close` is refused, too."""
        self._health.let_go()
        return sum(await asyncio.gather(self.calls.end(timeout), self._fast.end(timeout)))

    async def close(self) -> None:
        await self._server.stop()

    def _add_services(self, unary: dict[str, Unary], others: dict[str, Rpc], gate: Gate) -> None:
        guarded = GuardedServer(self._server, gate, self.calls.ended)
        rpcs = {name: self.calls.unary(name, answer) for name, answer in unary.items()}
        service.add_service(guarded, {**rpcs, **others})
        health_pb2_grpc.add_HealthServicer_to_server(self._health, guarded)
        health = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        services = reflection.aio.ReflectionServicer([service.NAME, health, reflection.SERVICE_NAME])
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(services, guarded)
