"""A server says that it is not live where only a start anew would help."""

from pathlib import Path

import grpc
import httpx
import psutil
import pytest

from tests import grpc_client, python_models, tiny_models
from tests.integration.test_gateways import gateways
from tests.python_models import LEAVE
from tests.running_server import RunningServer, running, until


def is_live(server: RunningServer) -> bool:
    with grpc_client.stub_of(server) as stub:
        return bool(stub.ServerLive(grpc_client.messages.ServerLiveRequest()).live)


def test_a_model_whose_process_ends_again_and_again(tmp_path: Path) -> None:
    """Meanwhile others answer, and a model that can't be loaded is nothing that a restart would heal."""
    python_models.add_hazard(tmp_path)
    tiny_models.add_double(tmp_path)
    (tmp_path / "broken" / "1").mkdir(parents=True)
    with running(tmp_path) as server, grpc_client.stub_of(server) as stub:
        restarts = 'slipway_instance_restarts_total{model="hazard",version="1"}'
        for count in range(1, 6):
            assert httpx.get(f"{server.url}/v2/health/live").json() == {"live": True}
            with pytest.raises(grpc.RpcError, match=r"exit code 3|started again"):
                stub.ModelInfer(grpc_client.request("hazard", x=[[LEAVE, 0.0, 0.0, 0.0]]))
            until(lambda count=count: server.metric(restarts) == count)  # type: ignore[misc]
            if count < 5:
                until(lambda: httpx.get(f"{server.url}/v2/models/hazard/ready").status_code == 200)
        reply = httpx.get(f"{server.url}/v2/health/live")
        assert reply.status_code == 503
        assert reply.json()["error"].startswith(
            "not live: model 'hazard': the process of model 'hazard' version 1 ended"
        )
        assert not is_live(server)
        assert httpx.get(f"{server.url}/v2/health/ready").status_code == 200
        until(lambda: is_live(server), "the next start was a good one")


def test_gateways_that_can_not_be_kept_up(tmp_path: Path) -> None:
    tiny_models.add_double(tmp_path)
    with running(tmp_path, http_workers=2) as server:
        assert is_live(server)
        (survivor, *_) = gateways(server.http_port)
        while is_live(server):
            for each in gateways(server.http_port):
                if each != survivor:
                    each.kill()
                    psutil.wait_procs([each])
        until(lambda: is_live(server), "the next start was a good one")
