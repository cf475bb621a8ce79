"""Who may ask what, seen from outside: every route and every way to it, with clients that people use."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import httpx
import numpy as np
import openai
import pytest
import tritonclient.grpc as grpcclient
import tritonclient.http as httpclient
from tritonclient.utils import InferenceServerException

from serving.access.keys import Key, digest_of
from serving.access.scope import Scope
from serving.access.table import HTTP, RPCS
from serving.settings import Access
from tests import python_models, tiny_models
from tests.grpc_client import channel_to, request, stub_of
from tests.running_server import RunningServer, running, until
from tests.served_rpcs import served_rpcs
from tests.serving.transports.http.test_connection import read_reply
from tests.serving.transports.http.test_fast_path import ROW, SLOW, connected, message

SHOP, OPS, READER, ONE, SLOWLY = "shop-secret", "ops-secret", "reader-secret", "one-secret", "slowly-secret"
KEYS = (
    Key("shop", digest_of(SHOP)),
    Key("ops", digest_of(OPS), frozenset(Scope)),
    Key("reader", digest_of(READER), frozenset([Scope.METADATA])),
    Key("one", digest_of(ONE), concurrency=1),
    Key("slowly", digest_of(SLOWLY), rate=0.001),
)
NAMES = {"model": "double", "version": "1", "region": "r", "repository": "r", "file": "main.js", "path:path": "x.js"}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def line(key: str) -> bytes:
    return f"Authorization: Bearer {key}\r\n".encode()


def grpc_key(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("guarded")
    tiny_models.add_double(root)
    tiny_models.add_identity(root, "identity_fp32", "TYPE_FP32", "float")
    python_models.add_gate(root)
    python_models.add_mock_llm(root)
    return root


@pytest.fixture(scope="module", params=[1, 2], ids=["one process", "gateways"])
def server(
    root: Path, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """With keys; all that is asked is recorded. It loads by request, so that those who may can."""
    with running(
        root,
        access=Access(keys=KEYS),
        http_workers=request.param,
        model_control_mode="explicit",
        load_model=("double", "identity_fp32", "gate", "mock_llm"),
        allow_shared_memory=True,
        record_file=(record := tmp_path_factory.mktemp("record") / "record.jsonl"),
        record_rate=1.0,
    ) as server:
        yield server
    told = record.read_text()
    assert '"status":200' in told
    assert '"status":429' in told
    assert '"status":401' not in told
    assert "-secret" not in told


def every_route() -> Iterator[tuple[str, str, Scope | None]]:
    for template, (scope, _) in HTTP.items():
        methods, path = template.split(" ")
        for name, value in NAMES.items():
            path = path.replace(f"{{{name}}}", value)
        for method in methods.split("|"):
            yield method, path, scope


def infers(server: RunningServer) -> float:
    return server.metric('nv_inference_count{model="double",version="1"}') or 0


def test_without_a_key_every_route_is_closed_but_health_and_what_is_the_same_everywhere(server: RunningServer) -> None:
    before = infers(server)
    with httpx.Client(base_url=server.url) as client:
        for headers in ({}, bearer("nobody's"), {"X-API-Key": digest_of(OPS).hex()}, {"Authorization": OPS}):
            for method, path, scope in every_route():
                reply = client.request(method, path, headers=headers, content=b"{}" if method == "POST" else None)
                assert (reply.status_code == 401) == (scope is not None), (method, path, reply.status_code)
                if reply.status_code == 401:
                    assert reply.headers["www-authenticate"] == 'Bearer realm="slipway"'
    assert infers(server) == before


def test_a_key_opens_what_it_is_for_and_no_more(server: RunningServer) -> None:
    may = {READER: {Scope.METADATA}, SHOP: {Scope.METADATA, Scope.INFERENCE}}
    with httpx.Client(base_url=server.url) as client:
        for key, scopes in may.items():
            for method, path, scope in every_route():
                reply = client.request(method, path, headers=bearer(key))
                is_open = scope is None or scope in scopes
                assert (reply.status_code not in (401, 403)) == is_open, (key, method, path, reply.text)
                if not is_open and method != "HEAD":
                    assert f"lacks the scope '{scope}'" in reply.text


WAYS = {
    "a slash more": b"/v2/models/double/infer/",
    "a slash twice": b"//v2/models/double/infer",
    "a slash in code": b"/v2/models%2fdouble/infer",
    "a letter in code": b"/v2/models/doubl%65/infer",
    "all of it in code": b"/%76%32/models/double/%69nfer",
    "another version": b"/v2/models/double/versions/1/infer",
    "dots": b"/v2/health/../models/double/infer",
    "dots from what is open": b"/v2/health/live/../../models/double/infer",
    "dots in code": b"/page/..%2fv2/models/double/infer",
    "a parameter": b"/v2/models/double/infer?x=/v2/health/live",
    "a part": b"/v2/models/double/infer#/v2/health/live",
    "a semicolon": b"/v2/models/double/infer;/v2/health/live",
    "a whole address": b"http://x/v2/models/double/infer",
    "an address of a page": b"http://x/page/../v2/models/double/infer",
    "capitals": b"/V2/models/double/infer",
    "a line's end": b"/v2/models/double/infer%0a",
    "an end": b"/v2/models/double/infer%00",
}


@pytest.mark.parametrize("path", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("extra", [b"", SLOW, b"X-Forwarded-For: 127.0.0.1\r\n", b"X-Slipway-Peer: 127.0.0.1\r\n"])
def test_no_other_way_leads_around_the_door(server: RunningServer, path: bytes, extra: bytes) -> None:
    before, asked = infers(server), message(ROW, extra=extra).replace(b"/v2/models/double/infer", path)
    with connected(server) as connection:
        connection.sendall(asked)
        status, _ = read_reply(connection)
    assert status.split()[1] in (b"401", b"400"), status
    assert infers(server) == before


def test_who_was_let_in_once_lets_nobody_else_in_on_its_connection(server: RunningServer) -> None:
    """The head of the latest usual request is remembered, and requests that wait for their turn are not."""
    with connected(server) as connection:
        for asked, expected in (
            (message(ROW, extra=line(SHOP)), b"200"),
            (message(ROW, extra=line(SHOP)), b"200"),
            (message(ROW), b"401"),
            (message(ROW, extra=line("x" * len(SHOP))), b"401"),
            (message(ROW, extra=line(READER)), b"403"),
            (message(ROW, extra=line(SHOP) + line(OPS)), b"401"),
            (message(ROW, extra=b"X-API-Key: %s\r\n" % SHOP.encode()), b"200"),
            (message(ROW, extra=SLOW + line(SHOP)), b"200"),
            (message(ROW, extra=SLOW), b"401"),
        ):
            connection.sendall(asked)
            assert read_reply(connection)[0].split()[1] == expected
        connection.sendall(message(ROW, extra=line(SHOP)) + message(ROW) + message(ROW, extra=SLOW + line(SHOP)))
        received = b""
        while received.count(b"HTTP/1.1 ") < 3:
            received += connection.recv(65536)
        assert [part[:3] for part in received.split(b"HTTP/1.1 ")[1:]] == [b"200", b"401", b"200"]


def test_large_bodies_pass_with_a_key_and_not_without(server: RunningServer) -> None:
    large = np.arange(100_000, dtype=np.float32).reshape(1, -1)
    for extra, expected in ((line(SHOP), b"200"), (b"", b"401"), (line(READER), b"403")):
        with connected(server) as connection:
            connection.sendall(message(large, extra=extra, path="/v2/models/identity_fp32/infer", name="in"))
            assert read_reply(connection)[0].split()[1] == expected


def test_the_official_client_shows_its_key_in_a_header(server: RunningServer) -> None:
    tensor = httpclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
    with httpclient.InferenceServerClient(server.address) as client:
        assert client.is_server_ready()
        assert client.infer("double", [tensor], headers=bearer(SHOP)).as_numpy("y").tolist() == [[2, 4, 6, 8]]
        with pytest.raises(InferenceServerException, match="API key; send one as 'Authorization: Bearer KEY'"):
            client.infer("double", [tensor])
        with pytest.raises(InferenceServerException, match="'shop' lacks the scope 'admin'"):
            client.load_model("double", headers=bearer(SHOP))
        client.load_model("double", headers=bearer(OPS))


def test_the_official_grpc_client_shows_its_key_in_metadata(server: RunningServer) -> None:
    tensor = grpcclient.InferInput("x", [1, 4], "FP32").set_data_from_numpy(ROW)
    with grpcclient.InferenceServerClient(server.grpc_address) as client:
        assert client.is_server_ready()
        shown = {name.lower(): value for name, value in bearer(SHOP).items()}
        assert client.infer("double", [tensor], headers=shown).as_numpy("y").tolist() == [[2, 4, 6, 8]]
        with pytest.raises(InferenceServerException, match="UNAUTHENTICATED"):
            client.infer("double", [tensor])
        with pytest.raises(InferenceServerException, match=r"PERMISSION_DENIED.*'shop' lacks the scope 'admin'"):
            client.unload_model("double", headers=shown)
        client.load_model("double", headers={"x-api-key": OPS})


def test_openais_client_knows_what_went_wrong(server: RunningServer) -> None:
    def asked(key: str) -> Any:
        client = openai.OpenAI(base_url=f"{server.url}/v1", api_key=key, max_retries=0)
        return client.chat.completions.create(model="double", messages=[{"role": "user", "content": "x"}])

    with pytest.raises(openai.AuthenticationError) as raised:
        asked("wrong")
    assert raised.value.code == "invalid_api_key"
    with pytest.raises(openai.PermissionDeniedError, match="'reader' lacks the scope 'inference'"):
        asked(READER)
    with pytest.raises(openai.BadRequestError):  # it is no model that writes
        asked(SHOP)
    with pytest.raises(openai.AuthenticationError):
        openai.OpenAI(base_url=f"{server.url}/v1", api_key="wrong").models.list()


def test_without_a_key_every_rpc_is_closed_but_health(server: RunningServer) -> None:
    before = infers(server)
    with channel_to(server) as channel:
        assert set(served_rpcs(channel, grpc_key(READER))) == set(RPCS)
        for method, (scope, _) in RPCS.items():
            for metadata in ((), grpc_key("wrong"), grpc_key(SHOP) + grpc_key(OPS)):
                assert (_code(channel, method, metadata) == "UNAUTHENTICATED") == (scope is not None), method
            if scope is not None:
                assert (_code(channel, method, grpc_key(READER)) == "PERMISSION_DENIED") == (scope != Scope.METADATA)
        assert _code(channel, "/inference.GRPCInferenceService/Shell", grpc_key(OPS)) == "UNIMPLEMENTED"
    assert infers(server) == before


def _code(channel: grpc.Channel, method: str, metadata: tuple[tuple[str, str], ...]) -> str:
    """Of a call without a word; it is a stream to whoever takes one."""
    try:
        for _ in channel.stream_stream(method)(iter([b""]), metadata=metadata, timeout=10):
            return "OK"
    except grpc.RpcError as error:
        return str(error.code().name)  # type: ignore[attr-defined]
    return "OK"


@pytest.mark.parametrize("extra", [b"", SLOW], ids=["fast", "framework"])
def test_one_at_a_time_and_the_place_is_free_when_its_caller_hangs_up(
    server: RunningServer, root: Path, extra: bytes
) -> None:
    """Both ways count together."""
    folder = root / "gate" / "1"
    for name in ("entered", "open"):
        (folder / name).unlink(missing_ok=True)
    asked = message(ROW, extra=extra + line(ONE), path="/v2/models/gate/infer")
    with connected(server) as first:
        first.sendall(asked)
        until((folder / "entered").exists)
        for other in (b"", SLOW):
            with connected(server) as second:
                second.sendall(message(ROW, extra=other + line(ONE)))
                head = second.recv(65536)
                assert head.startswith(b"HTTP/1.1 429")
                assert b"retry-after: 1\r\n" in head
        with stub_of(server) as stub, pytest.raises(grpc.RpcError) as raised:
            stub.ModelInfer(request("double", x=ROW), metadata=grpc_key(ONE))
        assert raised.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED  # type: ignore[attr-defined]
        assert ("retry-after", "1") in list(raised.value.trailing_metadata())  # type: ignore[attr-defined]
    (folder / "open").touch()

    def is_let_in() -> bool:
        with connected(server) as again:
            again.sendall(message(ROW, extra=line(ONE)))
            return read_reply(again)[0].split()[1] == b"200"

    until(is_let_in)
    assert [is_let_in() for _ in range(3)] == [True] * 3  # answers give it back


def test_a_streams_place_is_free_at_its_end_and_where_its_caller_leaves(server: RunningServer) -> None:
    body = {"PROMPT": "x", "STREAM": True, "REPETITION": 3}
    url = f"{server.url}/v2/models/mock_llm/generate_stream"
    for _ in range(3):
        assert httpx.post(url, json=body, headers=bearer(ONE)).status_code == 200
    with httpx.stream("POST", url, json={**body, "REPETITION": 1_000_000}, headers=bearer(ONE)) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert httpx.post(url, json=body, headers=bearer(ONE)).status_code == 429
    until(lambda: httpx.post(url, json=body, headers=bearer(ONE)).status_code == 200)


def test_who_asks_more_than_its_rate_is_told_when_to_come_back(server: RunningServer) -> None:
    """Whichever way it asks: the one request that it has is gone, and a thousand seconds are long."""
    for extra in (b"", SLOW):
        with connected(server) as connection:
            connection.sendall(message(ROW, extra=extra + line(SLOWLY)))
            connection.recv(65536)
    reply = httpx.get(f"{server.url}/v1/models", headers=bearer(SLOWLY))
    assert reply.status_code == 429
    assert 900 < int(reply.headers["retry-after"]) <= 1000
    assert reply.json()["error"]["code"] == "rate_limit_exceeded"


def test_no_key_is_in_the_metrics_or_the_log(server: RunningServer, caplog: pytest.LogCaptureFixture) -> None:
    httpx.post(f"{server.url}/v2/repository/models/double/load", headers=bearer(OPS))
    httpx.post(f"{server.url}/v2/repository/models/double/load", headers=bearer("unknown-secret"))
    until(lambda: "by no key from 127.0.0.1: 401" in caplog.text)  # a caller has its answer before
    assert "POST /v2/repository/models/double/load by ops from 127.0.0.1: 200" in caplog.text
    assert "-secret" not in caplog.text + server.metrics()
