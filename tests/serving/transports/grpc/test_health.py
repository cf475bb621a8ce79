from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from serving.listening import listen, port_of
from serving.transports.grpc.health import SERVICES, Health
from serving.transports.grpc.rpc_server import RpcServer

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING


@pytest.fixture
async def health() -> Health:
    return Health(lambda: True)


@pytest.fixture
async def stub(health: Health) -> AsyncIterator[Any]:
    server = RpcServer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    listening = listen("127.0.0.1", 0, "--grpc-port")
    await server.start(listening)
    port = port_of(listening)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield health_pb2_grpc.HealthStub(channel)
    await server.stop()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_check_tells_whether_the_server_takes_requests(health: Health, stub: Any, service: str) -> None:
    for is_serving, status in ((None, NOT_SERVING), (True, SERVING), (False, NOT_SERVING)):
        if is_serving is not None:
            health.set_serving(is_serving)
        assert (await stub.Check(HealthCheckRequest(service=service))).status == status


async def test_a_check_of_a_service_that_is_not_there(stub: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await stub.Check(HealthCheckRequest(service="nope"))
    assert error.value.code() == grpc.StatusCode.NOT_FOUND


async def test_all_who_watch_are_told_and_then_let_go(health: Health, stub: Any) -> None:
    watches = [stub.Watch(HealthCheckRequest()) for _ in range(2)]
    for watch in watches:
        assert (await watch.read()).status == NOT_SERVING
    leaver, stayer = watches
    leaver.cancel()
    health.set_serving(True)
    assert (await stayer.read()).status == SERVING
    health.set_serving(False)
    health.let_go()
    assert (await stayer.read()).status == NOT_SERVING
    assert await stayer.read() is grpc.aio.EOF


async def test_a_service_that_is_not_there_may_be_watched(stub: Any) -> None:
    watch = stub.Watch(HealthCheckRequest(service="nope"))
    assert (await watch.read()).status == HealthCheckResponse.SERVICE_UNKNOWN


async def test_whoever_watches_is_told_when_a_model_is_not_ready_any_more(stub: Any) -> None:
    is_ready = [True]
    health = Health(lambda: is_ready[0])
    health.set_serving(True)
    server = RpcServer()
    health_pb2_grpc.add_HealthServicer_to_server(health, server)
    listening = listen("127.0.0.1", 0, "--grpc-port")
    await server.start(listening)
    port = port_of(listening)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        watching = health_pb2_grpc.HealthStub(channel).Watch(HealthCheckRequest())
        assert (await watching.read()).status == SERVING
        is_ready[0] = False
        assert (await watching.read()).status == NOT_SERVING
        watching.cancel()
    await server.stop()
