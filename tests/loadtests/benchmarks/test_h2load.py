import shutil

import pytest

from loadtests.benchmarks.grpc_calls import METHOD
from loadtests.benchmarks.h2load import by_h2load
from loadtests.benchmarks.server_process import ServerFailed
from tests import grpc_client
from tests.running_server import RunningServer

needs_h2load = pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")

ROW = grpc_client.request("double", x=[[1, 2, 3, 4]]).SerializeToString()


@needs_h2load
def test_calls_are_counted_as_the_server_counts_them(tiny_server: RunningServer) -> None:
    load = by_h2load(tiny_server.grpc_port, METHOD, ROW, 2, 1)
    assert 0 < load.p50_ms <= load.p99_ms
    assert load.failed == 0
    counted = tiny_server.metric('slipway_grpc_calls_total{code="OK",method="ModelInfer"}')
    assert 10 < load.requests_per_s <= counted  # which has those of the warm-up too


@needs_h2load
def test_who_does_not_answer_is_told() -> None:
    with pytest.raises(ServerFailed, match="no answer"):
        by_h2load(1, METHOD, ROW, 1, 1)


def test_where_it_is_not_installed_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerFailed, match="nghttp2-client"):
        by_h2load(1, METHOD, ROW, 1, 1)
