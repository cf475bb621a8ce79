"""Keys are changed in their file while a real server runs."""

import logging
from collections.abc import Iterator
from pathlib import Path

import grpc
import httpx
import pytest

from serving.access.gate import Callers
from serving.access.key_file import KeyFile, entry
from serving.access.keys import Key, digest_of
from serving.key_watch import keys_of
from serving.settings import Access
from tests import tiny_models
from tests.grpc_client import request, stub_of
from tests.running_server import RunningServer, running, until
from tests.serving.transports.http.test_connection import BODY

OLD, NEW, GIVEN = (Key(name, digest_of(name)) for name in ("old", "new", "given"))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys") / "keys.toml"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, file: Path) -> Iterator[RunningServer]:
    root = tmp_path_factory.mktemp("guarded")
    tiny_models.add_double(root)
    file.write_text(entry(OLD))
    keys = KeyFile(file, (GIVEN,))
    with running(root, access=Access(keys_of(keys), keys)) as server:
        yield server


def statuses(server: RunningServer, key: str) -> list[object]:
    """Of a usual request, of any other one, and of a call."""
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=server.url, headers=headers) as client, stub_of(server) as stub:
        found: list[object] = [client.post("/v2/models/double/infer", content=BODY).status_code]
        found.append(client.get("/v2/models/double").status_code)
        try:
            stub.ModelInfer(request("double", x=[[1, 2, 3, 4]]), metadata=(("authorization", f"Bearer {key}"),))
            return [*found, grpc.StatusCode.OK]
        except grpc.RpcError as error:
            return [*found, error.code()]


GOOD, BAD = [200, 200, grpc.StatusCode.OK], [401, 401, grpc.StatusCode.UNAUTHENTICATED]


def test_what_is_in_the_file_is_good_and_what_is_taken_out_is_not(
    server: RunningServer, file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "slipway")
    assert [statuses(server, name) for name in ("old", "new", "given")] == [GOOD, BAD, GOOD]
    file.write_text(entry(NEW))
    until(lambda: statuses(server, "new") == GOOD)
    assert [statuses(server, name) for name in ("old", "given")] == [BAD, GOOD]
    assert "now: given, new" in caplog.text
    file.write_text("[[keys]]\n")
    until(lambda: "keys stay as they were" in caplog.text)
    assert statuses(server, "new") == GOOD


def test_who_stays_goes_on_with_what_is_left_of_its_allowance() -> None:
    shop = Key("shop", digest_of("s"), rate=1)
    callers = Callers([shop, OLD])
    before = callers.find("s")
    callers.replace([shop, NEW])
    assert callers.find("s") is before is not None
    callers.replace([Key("shop", digest_of("s"), rate=2)])
    assert callers.find("s") is not before
    assert callers.find("new") is None
