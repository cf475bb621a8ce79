"""A server says that it is not live where only a start anew would help."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import grpc
import httpx
import psutil
import pytest

from tests import grpc_client, python_models, tiny_models
from tests.integration.test_gateways import gateways
from tests.python_models import LEAVE
from tests.running_server import RunningServer, running, until

RESTARTS = 'slipway_instance_restarts_total{model="hazard",version="1"}'


def is_live(server: RunningServer) -> bool:
    with grpc_client.stub_of(server) as stub:
        return bool(stub.ServerLive(grpc_client.messages.ServerLiveRequest()).live)


def test_what_ends_again_and_again_is_told_and_nothing_else_is(tmp_path: Path) -> None:
    """At the same time, since most of it is waiting."""
    with ThreadPoolExecutor() as pool:
        for each in [pool.submit(end_a_model, tmp_path / "a"), pool.submit(end_gateways, tmp_path / "b")]:
            each.result()


def end_a_model(root: Path) -> None:
    """Meanwhile others answer, and one that can't be loaded is nothing that a restart would heal."""
    python_models.add_hazard(root)
    tiny_models.add_double(root)
    (root / "broken" / "1").mkdir(parents=True)
    with running(root) as server, grpc_client.stub_of(server) as stub:
        for count in range(1, 6):
            until(lambda: httpx.get(f"{server.url}/v2/models/hazard/ready").status_code == 200)
            assert httpx.get(f"{server.url}/v2/health/live").json() == {"live": True}
            with pytest.raises(grpc.RpcError, match=r"exit code 3"):
                stub.ModelInfer(grpc_client.request("hazard", x=[[LEAVE, 0.0, 0.0, 0.0]]))
            until(lambda count=count: server.metric(RESTARTS) == count)  # type: ignore[misc]
        reply = httpx.get(f"{server.url}/v2/health/live")
        assert (reply.status_code, "not live: model 'hazard': the process of" in reply.json()["error"]) == (503, True)
        assert not is_live(server)
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        assert stub.ModelInfer(grpc_client.request("double", x=[[1.0, 2.0, 3.0, 4.0]])).raw_output_contents


def end_gateways(root: Path) -> None:
    tiny_models.add_double(root)
    with running(root, http_workers=2) as server:
        assert is_live(server)
        (survivor, _) = gateways(server.http_port)
        while is_live(server):
            with suppress(psutil.NoSuchProcess):  # the other server's end meanwhile
                for each in gateways(server.http_port):
                    if each != survivor:
                        each.kill()
                        psutil.wait_procs([each])
        until(lambda: is_live(server), "the next start was a good one")
