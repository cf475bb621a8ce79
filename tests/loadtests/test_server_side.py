import time

import httpx
import pytest

from loadtests.benchmarks.stub_server import stub
from loadtests.server_side import Heard, Sources, listening, usual_metrics_url
from tests.running_server import RunningServer, until


@pytest.mark.parametrize("scheme", ["http", "grpc"])
def test_a_server_tells_of_what_was_asked_of_it(tiny_server: RunningServer, scheme: str) -> None:
    path = f"{tiny_server.url}/v2/models/double"
    name = httpx.get(path).json()["inputs"][0]
    body = {"inputs": [{"name": name["name"], "datatype": name["datatype"], "shape": [1, name["shape"][1]]}]}
    body["inputs"][0]["data"] = [1.0] * name["shape"][1]
    url = tiny_server.url if scheme == "http" else f"grpc://{tiny_server.grpc_address}"
    sources = Sources(url, "double", (), f"http://127.0.0.1:{tiny_server.metrics_port}/metrics")
    with listening(sources, time.monotonic(), every=0.02) as heard:
        until(lambda: heard.samples)
        for _ in range(10):
            assert httpx.post(f"{path}/infer", json=body).status_code == 200
    found = heard.told()
    assert (found["name"], found["requests"], found["notes"]) == ("triton", 10, [])
    assert sum(entry["requests"] for entry in found["series"]) == 10
    assert sum(int(rows) * count for rows, count in found["batches"].items()) == 10
    assert found["instances"] == httpx.get(f"{path}/config").json()["instance_group"][0]["count"]
    assert found["queue_ms"] >= 0
    assert found["compute_ms"] > 0
    assert found["memory"] > 2**20


def heard_of(url: str) -> Heard:
    with listening(Sources(url, "double", (), f"{url}/metrics"), time.monotonic()) as heard:
        until(lambda: heard.samples)
    return heard


def test_a_server_that_tells_nothing_is_asked_once() -> None:
    with stub() as url:
        assert len(heard_of(url).samples) == 1
        assert len(heard_of(url).told()["notes"]) == 2


def test_one_that_is_not_there_tells_nothing() -> None:
    assert heard_of("http://127.0.0.1:1").told().keys() == {"notes"}
    assert heard_of("grpc://127.0.0.1:1").told().keys() == {"notes"}


def test_metrics_are_looked_for_where_triton_has_them() -> None:
    assert Sources("https://models.example:444", "m").metrics == "http://models.example:8002/metrics"
    assert Sources("http://[::1]:8000", "m").metrics == "http://[::1]:8002/metrics"


@pytest.mark.parametrize(
    ("url", "metrics"),
    [("https://a:8000", "http://a:8002/metrics"), ("http://[::1]:8000", "http://[::1]:8002/metrics")],
)
def test_metrics_are_at_the_usual_port(url: str, metrics: str) -> None:
    assert usual_metrics_url(url) == metrics
