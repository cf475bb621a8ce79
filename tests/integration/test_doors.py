"""Doors beside keys: where a caller is, a port for changes, headers as Triton wants them, browsers, certificates."""

import asyncio
import json
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import psutil
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from serving.access.certificates import Certificates
from serving.access.keys import Key, digest_of
from serving.access.restricted import of_grpc, of_http
from serving.access.scope import Scope
from serving.settings import Access
from serving.transports.http.uvicorn_server import HttpServer
from serving.transports.tls import CertificatesUnusable, server_context
from tests import tiny_models
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_connection import read_reply
from tests.serving.transports.http.test_fast_path import ROW, SLOW, message

LOAD = "/v2/repository/models/double/load"
EXPLICIT = {"model_control_mode": "explicit", "load_model": ("double",)}
JSON = {"inputs": [{"name": "x", "shape": [1, 4], "datatype": "FP32", "data": [1, 2, 3, 4]}]}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("doors")
    tiny_models.add_double(root)
    return root


@pytest.fixture(scope="module")
def elsewhere() -> str:
    """An address of this machine by which its callers are not on its loopback."""
    found = [each.address for card in psutil.net_if_addrs().values() for each in card if each.family == socket.AF_INET]
    others = [address for address in found if not address.startswith("127.")]
    if not others:
        pytest.skip("this machine has no address but its own")
    return others[0]


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "gateways"])
def test_without_keys_others_may_ask_and_change_nothing(root: Path, elsewhere: str, workers: int) -> None:
    with running(root, host="0.0.0.0", http_workers=workers, **EXPLICIT) as server:
        far = f"{elsewhere}:{server.http_port}"
        tensor = httpclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
        with httpclient.InferenceServerClient(far) as client:
            assert client.infer("double", [tensor]).as_numpy("y").tolist() == [[2, 4, 6, 8]]
            for headers in ({}, {"X-Slipway-Peer": "127.0.0.1"}, {"X-Forwarded-For": "127.0.0.1"}):
                with pytest.raises(
                    InferenceServerException, match=r"only callers on its own machine.*slipway keys new"
                ):
                    client.load_model("double", headers=headers)
        with grpcclient.InferenceServerClient(f"{elsewhere}:{server.grpc_port}") as client:
            with pytest.raises(InferenceServerException, match=r"PERMISSION_DENIED.*slipway keys new"):
                client.unload_model("double")
            with pytest.raises(InferenceServerException, match="PERMISSION_DENIED"):
                client.update_log_settings({"log_verbose_level": 1})
        smuggled = (
            b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Slipway-Peer: 127.0.0.1\r\n\r\n"
        )
        with socket.create_connection((elsewhere, server.http_port), timeout=30) as connection:
            connection.sendall(smuggled % LOAD.encode())
            assert read_reply(connection)[0].split()[1] == b"403"
        assert httpx.post(f"{server.url}{LOAD}").status_code == 200
        httpclient.InferenceServerClient(server.address).load_model("double")
        grpcclient.InferenceServerClient(server.grpc_address).load_model("double")


def test_a_page_from_elsewhere_has_no_browser_change_the_server(root: Path) -> None:
    with running(root, access=Access(allow_origin=("https://ours.example",)), **EXPLICIT) as server:
        url = f"{server.url}{LOAD}"
        for origin, status in (
            ("http://evil.example", 403),
            ("null", 403),
            ("http://localhost:8000", 200),
            ("https://ours.example", 200),
        ):
            assert httpx.post(url, headers={"Origin": origin}).status_code == status
        infer = f"{server.url}/v2/models/double/infer"
        asked = {
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,x-stainless-os",
        }
        ours = {"Origin": "https://ours.example"}
        told = httpx.options(infer, headers={**asked, **ours})
        assert told.status_code == 200
        assert told.headers["access-control-allow-headers"] == "authorization,x-stainless-os"
        allowed = "access-control-allow-origin"
        assert told.headers[allowed] == httpx.post(infer, json=JSON, headers=ours).headers[allowed] == ours["Origin"]
        assert "access-control-allow-credentials" not in told.headers
        others = {"Origin": "http://evil.example"}
        assert httpx.options(infer, headers={**asked, **others}).status_code == 400
        assert allowed not in httpx.post(infer, json=JSON, headers=others).headers


def test_no_page_reads_a_server_that_allows_none(tiny_server: RunningServer) -> None:
    infer = f"{tiny_server.url}/v2/models/double/infer"
    asked = {"Access-Control-Request-Method": "POST", "Origin": "https://ours.example"}
    told = httpx.options(infer, headers=asked)
    assert told.status_code == 405
    both = [*told.headers, *httpx.post(infer, json=JSON, headers=asked).headers]
    assert not [name for name in both if name.startswith("access-control")]


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "gateways"])
def test_changes_have_a_port_of_their_own_and_are_made_nowhere_else(root: Path, workers: int) -> None:
    keys = (Key("ops", digest_of("o"), frozenset(Scope)),)
    for access, headers in ((Access(admin_port=0), {}), (Access(keys, admin_port=0), {"X-API-Key": "o"})):
        with running(root, access=access, http_workers=workers, **EXPLICIT) as server:
            admin = f"http://127.0.0.1:{server.admin_port}"
            refused = httpx.post(f"{server.url}{LOAD}", headers=headers)
            assert refused.status_code == 403
            assert "--admin-port" in refused.json()["error"]
            with (
                grpcclient.InferenceServerClient(server.grpc_address) as client,
                pytest.raises(InferenceServerException, match="--admin-port, over HTTP"),
            ):
                client.load_model("double", headers={name.lower(): value for name, value in headers.items()})
            assert httpx.post(f"{admin}{LOAD}", headers=headers).status_code == 200
            assert httpx.post(f"{admin}{LOAD}").status_code == (401 if headers else 200)
            assert httpx.get(f"{admin}/v2/health/ready").status_code == 200
            assert httpx.get(f"{admin}/v2/models/double", headers=headers).status_code == 200
            assert httpx.post(f"{admin}/v2/models/double/infer", json=JSON, headers=headers).status_code == 403


def test_metrics_are_where_they_are_told_to_be(root: Path, elsewhere: str) -> None:
    with running(root, access=Access(metrics_host=elsewhere)) as server:
        assert httpx.get(f"http://{elsewhere}:{server.metrics_port}/metrics").status_code == 200
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{server.metrics_port}/metrics")


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "gateways"])
def test_what_is_restricted_wants_tritons_headers_by_every_way(root: Path, workers: int) -> None:
    access = Access(
        http_restricted=of_http(["inference,model-repository:infer-key=one", "health:health-key=two"]),
        grpc_restricted=of_grpc(["inference:infer-key=one", "health:health-key=two"]),
    )
    with running(root, access=access, http_workers=workers, **EXPLICIT) as server:
        tensor = httpclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
        with httpclient.InferenceServerClient(server.address) as client:
            for headers in ({}, {"infer-key": "two"}):
                with pytest.raises(
                    InferenceServerException, match="This API is restricted, expecting header 'infer-key'"
                ):
                    client.infer("double", [tensor], headers=headers)
            shown = {"infer-key": "one"}
            assert client.infer("double", [tensor], headers=shown).as_numpy("y").tolist() == [[2, 4, 6, 8]]
            with pytest.raises(InferenceServerException, match="expecting header 'infer-key'"):
                client.load_model("double")
            client.load_model("double", headers=shown)
            assert not client.is_server_live()
            assert client.is_server_live(headers={"health-key": "two"})
            assert client.get_model_metadata("double")["name"] == "double"
        for path in ("/v1/chat/completions", "/v2/models/double/generate", "/v1/models/double/classify"):
            assert httpx.post(f"{server.url}{path}", json=JSON).status_code == 403
        for extra in (b"", SLOW):
            with socket.create_connection(("127.0.0.1", server.http_port), timeout=30) as connection:
                connection.sendall(message(ROW, extra=extra))
                assert read_reply(connection)[0].split()[1] == b"403"
        with grpcclient.InferenceServerClient(server.grpc_address) as client:
            tensor = grpcclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
            name = "triton-grpc-protocol-infer-key"
            with pytest.raises(
                InferenceServerException, match=f"This protocol is restricted, expecting header '{name}'"
            ):
                client.infer("double", [tensor], headers={"infer-key": "one"})
            client.infer("double", [tensor], headers={name: "one"})
            with pytest.raises(InferenceServerException, match="UNAVAILABLE"):
                client.is_server_live()


@dataclass(frozen=True)
class Authority:
    """Signs what it is asked to."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def openssl(self, words: str, *more: str) -> None:
        subprocess.run(["openssl", *words.split(), *more], cwd=self.folder, check=True, capture_output=True)

    def found(self) -> None:
        new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        self.openssl(f"req -x509 {new} -days 2 -keyout ca.key -out ca.pem -subj /CN=authority")

    def sign(self, name: str) -> Certificates:
        new = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
        self.openssl(f"req {new} -keyout {name}.key -out {name}.csr -subj /CN={name}")
        (self.folder / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
        self.openssl(
            f"x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out {name}.pem"
        )
        return Certificates(self.folder / f"{name}.pem", self.folder / f"{name}.key")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    authority = Authority(tmp_path_factory.mktemp("authority"))
    authority.found()
    return authority


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "gateways"])
def encrypted(root: Path, authority: Authority, request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Whose callers must have a certificate too."""
    shown = authority.sign("server")
    certificates = Certificates(shown.certfile, shown.keyfile, authority.file)
    with running(root, access=Access(certificates=certificates), http_workers=request.param) as server:
        yield server


def trusting(authority: Authority, shown: Certificates | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.file)
    if shown is not None:
        context.load_cert_chain(shown.certfile, shown.keyfile)
    return context


def subject(port: int, context: ssl.SSLContext) -> str:
    """Whose certificate the server at `port` shows."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=30) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as encrypted,
    ):
        return str(encrypted.getpeercert()["subject"][0][0][1])  # type: ignore[index]


def test_http_is_encrypted_for_those_who_have_a_certificate(encrypted: RunningServer, authority: Authority) -> None:
    ours = authority.sign("client")
    url = f"https://localhost:{encrypted.http_port}"
    with httpx.Client(verify=trusting(authority, ours)) as client:
        for _ in range(3):  # the fast path, what it knows already, and the framework's
            assert client.post(f"{url}/v2/models/double/infer", json=JSON).json()["outputs"][0]["data"] == [2, 4, 6, 8]
        large = {
            "inputs": [{"name": "x", "shape": [8, 4], "datatype": "FP32", "data": [1.0] * 32}],
            "id": "x" * 100_000,
        }
        assert len(client.post(f"{url}/v2/models/double/infer", content=json.dumps(large)).content) > 100_000
    for context in (trusting(authority, None), ssl.create_default_context()):
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/v2/health/live", verify=context)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"http://localhost:{encrypted.http_port}/v2/health/live")
    assert encrypted.metrics()


def test_grpc_is_encrypted_for_those_who_have_a_certificate(encrypted: RunningServer, authority: Authority) -> None:
    ours, address = authority.sign("grpc-client"), f"localhost:{encrypted.grpc_port}"
    shown = {"private_key": str(ours.keyfile), "certificate_chain": str(ours.certfile)}
    with grpcclient.InferenceServerClient(address, ssl=True, root_certificates=str(authority.file), **shown) as client:
        assert client.is_server_ready()
    with (
        grpcclient.InferenceServerClient(address, ssl=True, root_certificates=str(authority.file)) as client,
        pytest.raises(InferenceServerException, match="UNAVAILABLE"),
    ):
        client.is_server_ready()
    with grpc.insecure_channel(address) as channel, pytest.raises(grpc.FutureTimeoutError):
        grpc.channel_ready_future(channel).result(timeout=0.5)


def test_connections_get_the_certificate_that_is_in_the_files_now(
    encrypted: RunningServer, authority: Authority
) -> None:
    context = trusting(authority, authority.sign("renewing-client"))
    file, key = authority.folder / "server.pem", authority.folder / "server.key"
    before = file.read_bytes(), key.read_bytes()
    renewed = authority.sign("renewed")
    assert renewed.keyfile is not None
    with httpx.Client(verify=context) as kept:
        live = f"https://localhost:{encrypted.http_port}/v2/health/live"
        kept.get(live)
        file.write_text("half of a certificate")
        assert subject(encrypted.http_port, context) == "server"
        key.write_bytes(renewed.keyfile.read_bytes())
        file.write_bytes(renewed.certfile.read_bytes())
        until(lambda: subject(encrypted.http_port, context) == "renewed")
        until(lambda: subject(encrypted.grpc_port, context) == "renewed")
        assert kept.get(live).status_code == 200
    key.write_bytes(before[1])
    file.write_bytes(before[0])


async def test_who_connected_before_a_server_stopped_is_answered_encrypted_or_not_at_all(authority: Authority) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body"})

    request, context = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", trusting(authority, None)

    def ask(client: socket.socket) -> bytes:
        with context.wrap_socket(client, server_hostname="localhost") as encrypted:
            encrypted.sendall(request)
            return encrypted.recv(65536)

    server = HttpServer(app, shutdown_timeout=30, tls=server_context(authority.sign("stopping")))
    listening = socket.create_server(("127.0.0.1", 0))
    serving = asyncio.create_task(server.serve([listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    stopping = asyncio.create_task(server.shutdown([listening]))
    # before that task begins, and after the loop last looked
    clients = [socket.create_connection(listening.getsockname(), timeout=30) for _ in range(4)]
    plain = clients.pop()
    plain.sendall(request)
    replies = await asyncio.gather(*(asyncio.to_thread(ask, client) for client in clients))
    assert [reply.split(b"\r\n", 1)[0] for reply in replies] == [b"HTTP/1.1 204 No Content"] * 3
    await stopping
    with plain, suppress(ConnectionError):
        assert b"HTTP" not in plain.recv(65536)
    serving.cancel()


@pytest.mark.parametrize(
    ("certfile", "keyfile", "ca_certs", "why"),
    [
        ("nope.pem", None, None, "nope.pem can't be used as a certificate and its key: no such file"),
        ("server.pem", None, None, "server.pem can't be used as a certificate and its key: no PEM"),
        ("server.pem", "ca.key", None, "server.pem and .*ca.key can't be used .*KEY_VALUES_MISMATCH"),
        ("server.pem", "locked.key", None, "the key is encrypted; it must be stored without a password"),
        ("server.pem", "server.key", "names", "names can't be used as certificates of authorities"),
    ],
)
def test_files_that_are_none_are_told(
    root: Path, authority: Authority, certfile: str, keyfile: str | None, ca_certs: str | None, why: str
) -> None:
    authority.sign("server")
    authority.openssl("ec -in server.key -aes128 -passout pass:secret -out locked.key")
    folder = authority.folder
    files = Certificates(
        folder / certfile, folder / keyfile if keyfile else None, folder / ca_certs if ca_certs else None
    )
    with pytest.raises(CertificatesUnusable, match=why), running(root, access=Access(certificates=files)):
        pass
