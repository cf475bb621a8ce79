import httpx
import tritonclient.http

from serving import __version__
from serving.transports.extensions import extensions
from tests.running_server import RunningServer


def test_health_has_bodies_that_kserve_clients_read(tiny_server: RunningServer) -> None:
    live = httpx.get(f"{tiny_server.url}/v2/health/live")
    ready = httpx.get(f"{tiny_server.url}/v2/health/ready")
    assert (live.status_code, live.json()) == (200, {"live": True})
    assert (ready.status_code, ready.json()) == (200, {"ready": True})


def test_probes_may_ask_with_head(tiny_server: RunningServer) -> None:
    for path in ("/v2/health/live", "/v2/health/ready", "/metrics"):
        assert httpx.head(tiny_server.url + path).status_code == 200


def test_server_metadata(tiny_server: RunningServer) -> None:
    with tritonclient.http.InferenceServerClient(tiny_server.address) as client:
        metadata = client.get_server_metadata()
    assert metadata == {"name": "triton", "version": __version__, "extensions": extensions(False, False)}
